// Arch for any CPU: four floats in plain C++, which the compiler turns into whatever the baseline has.
//
// An Arch is a vector type V of `width` floats with +, and the few operations that xsimd lacks or that differ
// between its versions. Loads take unaligned addresses and read exactly the bytes of `width` elements, but
// load_*_part(), whose lanes from `columns` on are anything: at most those, and as few more as is no slower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/half.hpp"

namespace rowpool::kernels {
namespace {

struct Arch {
    static constexpr std::size_t width = 4;
    static constexpr std::size_t max_vectors = 2;

    struct V {
        float lane[width];

        friend V operator+(V a, V b) noexcept {
            return lanes([&](auto i) { return a.lane[i] + b.lane[i]; });
        }
        friend V operator-(V a, V b) noexcept {
            return lanes([&](auto i) { return a.lane[i] - b.lane[i]; });
        }
    };

    /// Lane i is f(i).
    template <class F>
    static V lanes(const F& f) noexcept {
        V v;
        for (std::size_t i = 0; i < width; ++i) v.lane[i] = f(i);
        return v;
    }

    static V set(float x) noexcept { return {{x, x, x, x}}; }
    [[gnu::noinline]] static V fma(V a, V b, V c) noexcept {
        return lanes([&](std::size_t i) { return fma_scalar(a.lane[i], b.lane[i], c.lane[i]); });
    }
    /// Correctly rounded.
    static V divide(V a, V b) noexcept {
        return lanes([&](std::size_t i) { return a.lane[i] / b.lane[i]; });
    }
    /// Lane by lane: x where x > than, else than.
    static V greater_or(V x, V than) noexcept {
        return lanes([&](std::size_t i) { return x.lane[i] > than.lane[i] ? x.lane[i] : than.lane[i]; });
    }
    /// Every NaN becomes the canonical one.
    static V canonical(V x) noexcept {
        return lanes([&](std::size_t i) { return x.lane[i] == x.lane[i] ? x.lane[i] : float_from_bits(kNanF32); });
    }
    /// `flaw`, but NaN in every lane where x is not finite. `flaw` is a zero or NaN.
    static V note_flaw(V flaw, V x) noexcept { return flaw + (x - x); }
    static bool has_nan(V x) noexcept {
        bool found = false;
        for (const float value : x.lane) found |= value != value;
        return found;
    }

    static V load_f32(const std::byte* p) noexcept {
        V v;
        std::memcpy(&v, p, sizeof v);
        return v;
    }
    static V load_f16(const std::byte* p) noexcept {
        return lanes([&](std::size_t i) { return f16_to_f32(load<std::uint16_t>(p + 2 * i)); });
    }
    static V load_bf16(const std::byte* p) noexcept {
        return lanes([&](std::size_t i) { return bf16_to_f32(load<std::uint16_t>(p + 2 * i)); });
    }
    static V load_u8(const std::byte* p) noexcept {
        return lanes([&](std::size_t i) { return static_cast<float>(load<std::uint8_t>(p + i)); });
    }
    static V load_u4(const std::byte* p) noexcept {
        const unsigned codes = load<std::uint16_t>(p);
        return lanes([&](std::size_t i) { return static_cast<float>(codes >> 4 * i & 15); });
    }
    static V load_u2(const std::byte* p) noexcept {
        const unsigned codes = load<std::uint8_t>(p);
        return lanes([&](std::size_t i) { return static_cast<float>(codes >> 2 * i & 3); });
    }

    static V load_f32_part(const std::byte* p, std::size_t) noexcept { return load_f32(p); }
    static V load_f16_part(const std::byte* p, std::size_t) noexcept { return load_f16(p); }
    static V load_bf16_part(const std::byte* p, std::size_t) noexcept { return load_bf16(p); }

    static void store_f32(std::byte* p, V v) noexcept { std::memcpy(p, &v, sizeof v); }
    static void store_f16(std::byte* p, V v) noexcept {
        for (std::size_t i = 0; i < width; ++i) store(p + 2 * i, f32_to_f16(v.lane[i]));
    }
    static void store_bf16(std::byte* p, V v) noexcept {
        for (std::size_t i = 0; i < width; ++i) store(p + 2 * i, f32_to_bf16(v.lane[i]));
    }

    /// Two halves, one after the other.
    static void load_f16_pair(const std::byte* p, float (&values)[2]) noexcept {
        values[0] = f16_to_f32(load<std::uint16_t>(p));
        values[1] = f16_to_f32(load<std::uint16_t>(p + 2));
    }
    static float fma_scalar(float a, float b, float c) noexcept {
        // The product of two floats is exact in double. Rounding the sum to odd keeps what the second rounding, to
        // float, has to know (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
        const double product = static_cast<double>(a) * static_cast<double>(b);
        const double addend = static_cast<double>(c);
        const double sum = product + addend;
        const double product_part = sum - addend;
        const double error = (product - product_part) + (addend - (sum - product_part));
        std::uint64_t bits = __builtin_bit_cast(std::uint64_t, sum);
        if (error != 0 && error == error && (bits & 1) == 0) bits += (error > 0) == (sum > 0) ? 1 : ~std::uint64_t{0};
        return static_cast<float>(__builtin_bit_cast(double, bits));
    }

private:
    template <class T>
    static T load(const std::byte* p) noexcept {
        T value;
        std::memcpy(&value, p, sizeof value);
        return value;
    }
    static void store(std::byte* p, std::uint16_t value) noexcept { std::memcpy(p, &value, sizeof value); }
};

}  // namespace
}  // namespace rowpool::kernels
