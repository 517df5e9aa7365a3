// Conversions between f32 and the two half-precision types: every half, and every boundary between two of them.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/half.hpp"
#include "tests/support/random.hpp"
#include "tests/support/reference.hpp"

namespace rowpool::test {
namespace {

constexpr std::uint32_t kNumHalves = 65536;

// One half-precision type: the library's conversions and the reference's.
struct HalfType {
    const char* name;
    float (*widen)(std::uint16_t);
    std::uint16_t (*narrow)(float);
    float (*reference_widen)(std::uint16_t);
    std::uint16_t (*reference_narrow)(float);
    std::uint16_t infinity;
};
constexpr HalfType kTypes[] = {{"f16", f16_to_f32, f32_to_f16, decode_f16, encode_f16, 0x7c00},
                               {"bf16", bf16_to_f32, f32_to_bf16, decode_bf16, encode_bf16, 0x7f80}};

bool is_nan(const HalfType& type, std::uint16_t half) { return (half & 0x7fff) > type.infinity; }

void check_narrow(const HalfType& type, float value) {
    INFO(std::string(type.name), " of f32 bits ", std::bit_cast<std::uint32_t>(value));
    REQUIRE(type.narrow(value) == type.reference_narrow(value));
}

TEST_CASE("every half widens to its value") {
    for (const HalfType& type : kTypes) {
        for (std::uint32_t bits = 0; bits < kNumHalves; ++bits) {
            const auto half = static_cast<std::uint16_t>(bits);
            const float value = type.widen(half);
            const float expected = type.reference_widen(half);
            INFO(std::string(type.name), " bits ", bits);
            REQUIRE(std::isnan(value) == is_nan(type, half));
            if (!is_nan(type, half))
                REQUIRE(std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(expected));
        }
    }
}

TEST_CASE("every half that is a number comes back from f32") {
    for (const HalfType& type : kTypes) {
        for (std::uint32_t bits = 0; bits < kNumHalves; ++bits) {
            const auto half = static_cast<std::uint16_t>(bits);
            INFO(std::string(type.name), " bits ", bits);
            if (!is_nan(type, half)) REQUIRE(type.narrow(type.widen(half)) == half);
        }
    }
}

// The tie between two neighbouring halves is the f32 half-way between them: one more mantissa bit, which f32 has.
TEST_CASE("ties between halves and the floats around them round to nearest even") {
    for (const HalfType& type : kTypes) {
        for (std::uint16_t half = 0; half < type.infinity; ++half) {
            const float low = type.widen(half);
            const float high = type.widen(static_cast<std::uint16_t>(half + 1));
            const float tie = std::isinf(high)
                                  ? type.widen(half) * (1 + std::ldexp(1.0f, type.infinity == 0x7c00 ? -12 : -9))
                                  : low + (high - low) / 2;
            for (const float value : {tie, std::nextafter(tie, low), std::nextafter(tie, high), low, high}) {
                check_narrow(type, value);
                check_narrow(type, -value);
            }
        }
    }
}

TEST_CASE("overflow begins half a unit above the largest half") {
    CHECK(f32_to_f16(65519.996f) == 0x7bff);
    CHECK(f32_to_f16(65520.0f) == 0x7c00);
    CHECK(f32_to_f16(-65520.0f) == 0xfc00);
    CHECK(f32_to_bf16(std::bit_cast<float>(0x7f7f7fffu)) == 0x7f7f);
    CHECK(f32_to_bf16(std::bit_cast<float>(0x7f7f8000u)) == 0x7f80);
}

TEST_CASE("every NaN becomes the canonical one") {
    for (const std::uint32_t bits : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffc12345u, 0xffffffffu}) {
        CHECK(f32_to_f16(std::bit_cast<float>(bits)) == 0x7e00);
        CHECK(f32_to_bf16(std::bit_cast<float>(bits)) == 0x7fc0);
    }
}

TEST_CASE("floats of all sizes round to nearest even") {
    Random random(11);
    for (const HalfType& type : kTypes) {
        for (int i = 0; i < 1'000'000; ++i)
            check_narrow(type, std::bit_cast<float>(static_cast<std::uint32_t>(random.next())));
        for (std::uint32_t exponent = 0; exponent < 256; ++exponent) {
            for (const std::uint32_t fraction : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x8000u, 0x7fe000u, 0x7fffffu}) {
                check_narrow(type, std::bit_cast<float>(exponent << 23 | fraction));
            }
        }
    }
}

}  // namespace
}  // namespace rowpool::test
