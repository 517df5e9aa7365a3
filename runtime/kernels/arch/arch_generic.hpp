// Arch for any CPU: four floats in a compiler vector (vector_size), which is lowered to what the baseline target has.
// It does not use xsimd.
//
// An Arch is a vector type V of `width` floats with +, and the few operations that xsimd lacks or that differ between
// its versions. `has_fma` says whether fma() is one instruction. Loads take unaligned addresses and read exactly the
// bytes of `width` elements. load_*_part() reads at least `columns` elements and at most `width`, as few as is no
// slower; its lanes from `columns` on are unspecified. Those of elements of at least `least_exact_bits` bits, up to 32,
// read no element after `columns`. stream_f32(), of those that have it, is a non-temporal store to an address that is a
// multiple of the vector's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/half.hpp"

namespace rowpool::kernels {
namespace {

struct Arch {
    static constexpr std::size_t width = 4;
    static constexpr bool has_fma = false;
    static constexpr std::size_t max_vectors = 8;
    static constexpr std::size_t max_row_vectors = 8;

    using V __attribute__((vector_size(16))) = float;

    static V set(float x) noexcept { return V{x, x, x, x}; }
    /// Correctly rounded: the product is exact in double, and rounding the sum twice, to double and then to float,
    /// nearly always gives the same as rounding it once. The rest is repaired.
    [[gnu::always_inline]] static V fma(V a, V b, V c) noexcept {
        const D low = low_half(a) * low_half(b) + low_half(c);
        const D high = high_half(a) * high_half(b) + high_half(c);
        const V result = __builtin_convertvector(__builtin_shufflevector(low, high, 0, 1, 2, 3), V);
        const Bits lower = __builtin_shufflevector(Bits(low), Bits(high), 0, 2, 4, 6);
        if (is_any(may_be_tie(lower) | may_be_subnormal(result))) [[unlikely]]
            return fma_exactly(a, b, c);
        return result;
    }
    /// Correctly rounded.
    static V divide(V a, V b) noexcept { return a / b; }
    /// Lane by lane: x where x > than, else than.
    static V greater_or(V x, V than) noexcept { return x > than ? x : than; }
    /// Every NaN becomes the canonical one.
    static V canonical(V x) noexcept { return x == x ? x : set(float_from_bits(kNanF32)); }
    /// `non_finite` with NaN in every lane where x is non-finite. Lanes of `non_finite` are zero or NaN.
    static V note_non_finite(V non_finite, V x) noexcept { return non_finite + (x - x); }
    static bool has_nan(V x) noexcept { return is_any(x != x); }

    static V load_f32(const std::byte* p) noexcept { return load<V>(p); }
    static V load_f16(const std::byte* p) noexcept {
        // As f16_to_f32(). After the product, infinities and NaNs lack only some bits of their exponent.
        const Bits half = load_u16(p);
        const Bits magnitude = (half & 0x7fff) << 13;
        const Bits finite = Bits(V(magnitude) * 0x1p112f);
        const Bits exponent = Bits(Ints(magnitude) >= 0x0f800000) & 0x7f800000;
        return V(finite | exponent | (half & 0x8000) << 16);
    }
    static V load_bf16(const std::byte* p) noexcept { return V(load_u16(p) << 16); }
    static V load_u8(const std::byte* p) noexcept {
        const Bytes codes = Bytes(Bits{load<std::uint32_t>(p)});
        const Shorts shorts =
            Shorts(__builtin_shufflevector(codes, Bytes{}, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
        return __builtin_convertvector(Ints(__builtin_shufflevector(shorts, Shorts{}, 0, 8, 1, 9, 2, 10, 3, 11)), V);
    }
    static V load_u4(const std::byte* p) noexcept {
        const Ints codes = Ints{} + load<std::uint16_t>(p);
        // Shifted by multiplication: baseline targets shift all lanes by the same count.
        return __builtin_convertvector(codes & Ints{0xf, 0xf0, 0xf00, 0xf000}, V) * V{1, 0x1p-4f, 0x1p-8f, 0x1p-12f};
    }
    static V load_u2(const std::byte* p) noexcept {
        const Ints codes = Ints{} + load<std::uint8_t>(p);
        return __builtin_convertvector(codes & Ints{0x3, 0xc, 0x30, 0xc0}, V) * V{1, 0x1p-2f, 0x1p-4f, 0x1p-6f};
    }

    static constexpr std::size_t least_exact_bits = 64;
    static V load_f32_part(const std::byte* p, std::size_t) noexcept { return load_f32(p); }
    static V load_f16_part(const std::byte* p, std::size_t) noexcept { return load_f16(p); }
    static V load_bf16_part(const std::byte* p, std::size_t) noexcept { return load_bf16(p); }
    static V load_u8_part(const std::byte* p, std::size_t) noexcept { return load_u8(p); }

    static void store_f32(std::byte* p, V v) noexcept { std::memcpy(p, &v, sizeof v); }
    [[gnu::noinline]] static void store_f16(std::byte* p, V v) noexcept {
        // As f32_to_f16().
        const Ints bits = Ints(v) & 0x7fffffff;
        const Ints sign = Ints(Bits(v) >> 16 & 0x8000);
        const Ints subnormal = Ints(V(bits) + 0.5f) - 0x3f000000;
        const Ints normal = (bits + (0xfff - 0x38000000) + (bits >> 13 & 1)) >> 13;
        Ints half = bits < 0x38800000 ? subnormal : normal;
        half = bits >= 0x47800000 ? Ints{} + 0x7c00 : half;
        store_u16(p, bits > 0x7f800000 ? Ints{} + kNanF16 : half | sign);
    }
    [[gnu::noinline]] static void store_bf16(std::byte* p, V v) noexcept {
        // As f32_to_bf16().
        const Bits bits = Bits(v);
        const Bits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        store_u16(p, v == v ? Ints(rounded) : Ints{} + kNanBF16);
    }

    /// Writes what store_bf16() writes of canonical(v).
    static void store_canonical_bf16(std::byte* p, V v) noexcept { store_bf16(p, canonical(v)); }

    /// Two adjacent f16 numbers.
    static void load_f16_pair(const std::byte* p, float (&values)[2]) noexcept {
        values[0] = f16_to_f32(load<std::uint16_t>(p));
        values[1] = f16_to_f32(load<std::uint16_t>(p + 2));
    }
    static float fma_scalar(float a, float b, float c) noexcept { return fma(set(a), set(b), set(c))[0]; }

private:
    using D __attribute__((vector_size(16))) = double;
    using Wide __attribute__((vector_size(32))) = double;
    using Words __attribute__((vector_size(16))) = std::uint64_t;
    using Ints __attribute__((vector_size(16))) = std::int32_t;
    using Bits __attribute__((vector_size(16))) = std::uint32_t;
    using Shorts __attribute__((vector_size(16))) = std::uint16_t;
    using Bytes __attribute__((vector_size(16))) = std::uint8_t;

    // The spelling of this conversion that gcc 12 vectorizes; it expands others element by element.
    static D low_half(V v) noexcept {
        const Wide widened = __builtin_convertvector(v, Wide);
        return __builtin_shufflevector(widened, widened, 0, 1);
    }
    static D high_half(V v) noexcept { return low_half(__builtin_shufflevector(v, v, 2, 3, 2, 3)); }

    /// Lanes in which a sum is half way between two normal floats: the 29 bits that float lacks are a one followed by
    /// zeros. If that is only the result of rounding to double, rounding to float may go the wrong way.
    static Ints may_be_tie(Bits lower) noexcept { return (lower << 3) == 0x80000000; }
    /// Lanes in which a result is not above the smallest normal float, so that float lacks more than 29 bits. Zero
    /// needs no repair: a sum of two numbers that is so small is exact in double.
    static Ints may_be_subnormal(V result) noexcept {
        const Bits bits = Bits(result);
        return (bits + bits - 1) >> 24 == 0;
    }

    /// Whether any lane of a comparison's result holds.
    static bool is_any(Ints mask) noexcept {
#if defined(__SSE2__)
        return __builtin_ia32_movmskps(V(mask)) != 0;
#else
        const Words words = Words(mask);
        return (words[0] | words[1]) != 0;
#endif
    }

    [[gnu::noinline, gnu::cold]] static V fma_exactly(V a, V b, V c) noexcept {
        const D low = sum_to_odd(low_half(a) * low_half(b), low_half(c));
        const D high = sum_to_odd(high_half(a) * high_half(b), high_half(c));
        return __builtin_convertvector(__builtin_shufflevector(low, high, 0, 1, 2, 3), V);
    }
    /// A sum rounded to odd: of the two doubles around an inexact sum, the one whose last bit is 1. This keeps the
    /// information that the second rounding, to float, needs (Boldo and Melquiond, "Emulation of a FMA and correctly
    /// rounded sums", 2008).
    static D sum_to_odd(D product, D addend) noexcept {
        const D sum = product + addend;
        const D product_part = sum - addend;
        const D error = (product - product_part) + (addend - (sum - product_part));
        const Words is_inexact = Words(error < 0) | Words(error > 0);  // neither holds for a NaN, beside infinities
        const Words is_even = (Words(sum) & 1) - 1;
        const Words is_too_far = (Words(sum) ^ Words(error)) >> 63;
        return D(Words(sum) + (is_inexact & is_even & (1 - 2 * is_too_far)));
    }

    template <class T>
    static T load(const std::byte* p) noexcept {
        T value;
        std::memcpy(&value, p, sizeof value);
        return value;
    }
    static Bits load_u16(const std::byte* p) noexcept {
        const Shorts halves = Shorts(Words{load<std::uint64_t>(p)});
        return Bits(__builtin_shufflevector(halves, Shorts{}, 0, 8, 1, 9, 2, 10, 3, 11));
    }
    static void store_u16(std::byte* p, Ints halves) noexcept {
        using Halves __attribute__((vector_size(8))) = std::uint16_t;
        const Halves narrowed = __builtin_convertvector(halves, Halves);
        std::memcpy(p, &narrowed, sizeof narrowed);
    }
};

}  // namespace
}  // namespace rowpool::kernels
