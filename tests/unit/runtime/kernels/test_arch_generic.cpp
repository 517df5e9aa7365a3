// The vectors of the generic kernels: fused multiply-adds without an instruction for them, and halves.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/half.hpp"
#include "kernels/arch/arch_generic.hpp"
#include "tests/support/random.hpp"

namespace rowpool::test {
namespace {

using kernels::Arch;
constexpr std::size_t kWidth = Arch::width;
constexpr int kVectors = 500'000;  // of each kind

std::uint32_t bits(float x) { return std::isnan(x) ? kNanF32 : std::bit_cast<std::uint32_t>(x); }

struct Operands {
    float a, b, c;
};

void check_fma(const Operands (&operands)[kWidth]) {
    Arch::V a = {}, b = {}, c = {};
    for (std::size_t i = 0; i < kWidth; ++i) {
        a[i] = operands[i].a;
        b[i] = operands[i].b;
        c[i] = operands[i].c;
    }
    const Arch::V result = Arch::fma(a, b, c);
    for (std::size_t i = 0; i < kWidth; ++i) {
        const std::uint32_t expected = bits(std::fma(operands[i].a, operands[i].b, operands[i].c));
        if (bits(result[i]) == expected) continue;
        INFO("fma(", operands[i].a, ", ", operands[i].b, ", ", operands[i].c, ") is ", result[i]);
        REQUIRE(bits(result[i]) == expected);
    }
}

/// Checks vectors of what make() gives.
template <class Make>
void check_many(const Make& make) {
    for (int v = 0; v < kVectors; ++v) {
        Operands operands[kWidth];
        for (Operands& lane : operands) lane = make();
        check_fma(operands);
    }
}

float any_float(Random& random) { return std::bit_cast<float>(static_cast<std::uint32_t>(random.next())); }

float signed_by(Random& random, float x) { return random.below(2) == 0 ? x : -x; }

/// An integer of so many bits.
float integer(Random& random, int bits) { return static_cast<float>(random.below(std::size_t{1} << bits)); }

/// A product that differs from 2^(2 * half_exponent) by less than 2^-30 of it, or not at all.
Operands near_power_of_two(Random& random, int half_exponent, float c) {
    const float m = integer(random, static_cast<int>(random.below(8)));
    const float power = std::ldexp(1.0f, half_exponent);
    const float unit = std::ldexp(m, -23);
    return {signed_by(random, (1 + unit) * power), (1 - unit) * power, c};
}

TEST_CASE("fma of any bit patterns is correctly rounded") {
    Random random(41);
    check_many([&] { return Operands{any_float(random), any_float(random), any_float(random)}; });
}

TEST_CASE("fma of weights, values and sums is correctly rounded") {
    Random random(42);
    check_many([&] { return Operands{random.uniform(-2, 2), random.uniform(-1, 1), random.uniform(-20, 20)}; });
}

TEST_CASE("fma is correctly rounded where sums of short products are ties") {
    Random random(43);
    check_many([&] {
        const float scale = std::ldexp(integer(random, 24), -static_cast<int>(random.below(30)));
        return Operands{signed_by(random, scale), integer(random, 8), integer(random, 24)};
    });
}

TEST_CASE("fma is correctly rounded where a double cannot tell a tie from what is beside it") {
    Random random(44);
    check_many([&] {
        const float c = signed_by(random, std::ldexp(1 + std::ldexp(integer(random, 23), -23), 24));
        return near_power_of_two(random, 0, c);
    });
}

TEST_CASE("fma is correctly rounded where results are subnormal or the smallest normal floats") {
    Random random(45);
    check_many([&] {
        const int bits = 1 + static_cast<int>(random.below(24));
        return near_power_of_two(random, -75, signed_by(random, std::ldexp(integer(random, bits), -149)));
    });
    check_many([&] {
        const float x = std::ldexp(integer(random, 24), -75 - static_cast<int>(random.below(24)));
        const float y = std::ldexp(integer(random, 24), -75 - static_cast<int>(random.below(24)));
        return Operands{signed_by(random, x), y, signed_by(random, std::ldexp(integer(random, 24), -149))};
    });
    check_many([&] { return near_power_of_two(random, -75, signed_by(random, 0x1p-126f)); });
}

TEST_CASE("fma is correctly rounded where results overflow or nearly do") {
    Random random(46);
    constexpr float kLargest = std::numeric_limits<float>::max();
    check_many([&] {
        const float c =
            std::bit_cast<float>(std::bit_cast<std::uint32_t>(kLargest) - static_cast<std::uint32_t>(random.below(3)));
        Operands operands = near_power_of_two(random, 51, signed_by(random, c));  // half a unit of c is 2^103
        operands.a *= 2;
        return operands;
    });
}

TEST_CASE("fma of zeros, infinities, NaNs and the floats at the ends") {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float values[] = {0,
                            0x1p-149f,
                            0x1.fffffcp-127f,
                            0x1p-126f,
                            0x1p-75f,
                            0x1p-24f,
                            1,
                            1.5f,
                            0x1p24f,
                            0x1p64f,
                            std::numeric_limits<float>::max(),
                            kInfinity,
                            std::numeric_limits<float>::quiet_NaN()};
    for (const float a : values) {
        for (const float b : values) {
            for (const float c : values) {
                check_fma({{a, b, c}, {-a, b, c}, {a, b, -c}, {-a, b, -c}});
                CHECK(bits(Arch::fma_scalar(a, b, c)) == bits(std::fma(a, b, c)));
            }
        }
    }
}

template <class Load>
Arch::V load_halves(const Load& load, const std::uint16_t (&halves)[kWidth]) {
    std::byte bytes[sizeof halves];
    std::memcpy(bytes, halves, sizeof halves);
    return load(bytes);
}

TEST_CASE("vectors of halves widen as single ones do") {
    for (std::uint32_t first = 0; first < 65536; first += kWidth) {
        std::uint16_t halves[kWidth];
        for (std::size_t i = 0; i < kWidth; ++i) halves[i] = static_cast<std::uint16_t>(first + i);
        const Arch::V f16 = load_halves(Arch::load_f16, halves), bf16 = load_halves(Arch::load_bf16, halves);
        for (std::size_t i = 0; i < kWidth; ++i) {
            INFO("half ", halves[i]);
            REQUIRE(bits(f16[i]) == bits(f16_to_f32(halves[i])));
            REQUIRE(bits(bf16[i]) == bits(bf16_to_f32(halves[i])));
        }
    }
}

void check_narrow(const float (&values)[kWidth]) {
    Arch::V v;
    std::memcpy(&v, values, sizeof v);
    std::uint16_t f16[kWidth], bf16[kWidth];
    std::byte bytes[sizeof f16];
    Arch::store_f16(bytes, v);
    std::memcpy(f16, bytes, sizeof f16);
    Arch::store_bf16(bytes, v);
    std::memcpy(bf16, bytes, sizeof bf16);
    for (std::size_t i = 0; i < kWidth; ++i) {
        INFO("f32 bits ", std::bit_cast<std::uint32_t>(values[i]));
        REQUIRE(f16[i] == f32_to_f16(values[i]));
        REQUIRE(bf16[i] == f32_to_bf16(values[i]));
    }
}

TEST_CASE("vectors narrow to halves as single floats do") {
    Random random(47);
    for (std::uint32_t half = 0; half < 65536; ++half) {
        const float x = f16_to_f32(static_cast<std::uint16_t>(half));  // and the ties above it
        const std::uint32_t at = std::bit_cast<std::uint32_t>(x);
        check_narrow({x, std::bit_cast<float>(at + 0xfff), std::bit_cast<float>(at + 0x1000),
                      std::bit_cast<float>(at + 0x1001)});
        const std::uint32_t wide = half << 16 | 0x7fff;
        check_narrow(
            {std::bit_cast<float>(wide), std::bit_cast<float>(wide + 1), std::bit_cast<float>(wide + 2), x + 0x1p-25f});
        check_narrow({any_float(random), any_float(random), any_float(random), any_float(random)});
    }
}

}  // namespace
}  // namespace rowpool::test
