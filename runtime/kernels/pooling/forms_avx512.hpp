// Forms for AVX-512. Decoding 16 columns in column order takes a shuffle and a conversion, and these CPUs have few
// shuffle ports. In these forms, elements stay in the lanes that a load has put them in and are separated by masks;
// only the sums are shuffled, once per bag.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/forms.hpp"

namespace rowpool::kernels {
namespace {

/// A register whose 32-bit lane i is f(i); a compile-time constant if f is constexpr.
template <class F>
[[gnu::always_inline]] inline __m512i lanes_of(const F& f) noexcept {
    return _mm512_setr_epi32(f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13),
                             f(14), f(15));
}

/// Lane i is 2 to the power of -f(i).
template <class F>
[[gnu::always_inline]] inline Arch::V negative_powers(const F& f) noexcept {
    constexpr int kBiasOfExponent = 127, kFractionBits = 23;
    return Arch::V(
        _mm512_castsi512_ps(lanes_of([&](int lane) { return (kBiasOfExponent - f(lane)) << kFractionBits; })));
}

/// Keeps a value in a register: the compiler would rematerialize a constant for every bag, and load a value from memory
/// again for each use, which costs most where loads straddle two lines.
[[gnu::always_inline]] inline __m512i kept(__m512i value) noexcept {
    asm("" : "+v"(value));
    return value;
}

/// The codes that a mask leaves where they are in their lanes.
inline Arch::V masked_codes(__m512i words, __m512i mask) noexcept {
    return Arch::V(_mm512_cvtepu32_ps(_mm512_and_si512(words, mask)));
}

/// int4 and int2. The 16 codes of a vector are one or two 32-bit words, which a broadcast repeats across the register;
/// a mask keeps one code of the word in each lane.
template <std::size_t kBits, class Word, Codec kCodec>
struct RepeatedForm : PlainForm<kCodec> {
    static constexpr bool is_plain = false;
    static constexpr bool is_scaled = true;
    static constexpr std::size_t pays_from = 2;

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        static_assert(kCount == 1);
        Word word;
        std::memcpy(&word, codes + RowCodec<kCodec>::bytes_of(column), sizeof word);
        *x = masked_codes(repeat(word), mask_);
    }
    template <std::size_t kCount>
    static void reorder(Arch::V* sum) noexcept {
        const __m512i lane_of_column = lanes_of([](int column) { return column % kCodes * kWords + column / kCodes; });
        *sum = Arch::V(_mm512_permutexvar_ps(lane_of_column, *sum));
    }
    template <std::size_t kCount>
    static Arch::V power() noexcept {
        return negative_powers([](int column) { return column % kCodes * static_cast<int>(kBits); });
    }

private:
    static constexpr int kWords = sizeof(Word) / 4;
    static constexpr int kCodes = 32 / kBits;  ///< per 32-bit word

    static __m512i repeat(long long word) noexcept { return _mm512_set1_epi64(word); }
    static __m512i repeat(int word) noexcept { return _mm512_set1_epi32(word); }

    __m512i mask_ = kept(lanes_of([](int lane) {
        return static_cast<int>(((1u << kBits) - 1) << static_cast<unsigned>(lane / kWords) * kBits);
    }));
};

template <>
struct Form<Codec::int4> : RepeatedForm<4, long long, Codec::int4> {};
template <>
struct Form<Codec::int2> : RepeatedForm<2, int, Codec::int2> {};

/// Vectors 0 and 1 hold the even and the odd columns of 32.
inline void interleave(Arch::V* sums) noexcept {
    const __m512 even = sums[0], odd = sums[1];
    for (int v = 0; v < 2; ++v) {
        const __m512i from = lanes_of([v](int lane) { return lane % 2 * 16 + v * 8 + lane / 2; });
        sums[v] = Arch::V(_mm512_permutex2var_ps(even, from, odd));
    }
}

/// bf16. Two vectors at once, one of the even columns and one of the odd ones: a bfloat16 in the upper half of a lane
/// is a float once the lower half is zero.
template <>
struct Form<Codec::bf16> : PlainForm<Codec::bf16> {
    static constexpr bool is_plain = false;
    static constexpr std::size_t group = 2;
    template <OutputType kType, std::size_t kCount>
    static constexpr bool stores_pairs = (kType == OutputType::bf16) && (kCount == 2);

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        if constexpr (kCount == 1) {
            PlainForm<Codec::bf16>().template load<1>(codes, column, x);
        } else {
            const __m512i pairs = kept(_mm512_loadu_si512(codes + RowCodec<Codec::bf16>::bytes_of(column)));
            x[0] = Arch::V(_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)));
            x[1] = Arch::V(_mm512_castsi512_ps(_mm512_and_si512(pairs, upper_half_)));
        }
    }
    template <std::size_t kCount>
    static void reorder(Arch::V* sums) noexcept {
        if constexpr (kCount == 2) interleave(sums);
    }
    static void store_pairs(std::byte* out, Arch::V even, Arch::V odd) noexcept {
        if (Arch::rounds_bf16(even, odd)) [[likely]] {
            const __m512i interleaved = lanes_of([](int lane) { return lane | (lane + 16) << 16; });
            const __m512i halves = _mm512_permutexvar_epi16(interleaved, Arch::halves_bf16(even, odd));
            return _mm512_storeu_si512(out, halves);
        }
        const __m512i lower = _mm512_srli_epi32(Arch::rounded_bf16(Arch::canonical(even)), 16);
        const __m512i upper = Arch::rounded_bf16(Arch::canonical(odd));
        _mm512_storeu_si512(out, _mm512_mask_blend_epi16(0xaaaaaaaa, lower, upper));
    }

private:
    __m512i upper_half_ = kept(_mm512_set1_epi32(-65536));
};

/// int8. Four vectors at once: lane i of vector v is byte v of 32-bit word i, that is, column 4 * i + v. Or two
/// vectors, of the even and the odd columns, after a shuffle that gives each pair of columns its own word.
template <Codec kCodec>
struct ByteForm : PlainForm<kCodec> {
    static constexpr bool is_plain = false;
    static constexpr std::size_t group = 4;
    static constexpr bool is_scaled = true;
    static constexpr std::size_t pays_from = 12;

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        if constexpr (kCount == 1) {
            PlainForm<kCodec>().template load<1>(codes, column, x);
        } else {
            const __m512i words = load_words<kCount>(codes + column);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kCount; ++v) {
                x[v] = masked_codes(words, masks_[v]);
            }
        }
    }
    template <std::size_t kCount>
    static void reorder(Arch::V* sums) noexcept {
        if constexpr (kCount == 2) interleave(sums);
        if constexpr (kCount == 4) interleave_four(sums);
    }
    template <std::size_t kCount>
    static Arch::V power() noexcept {
        return negative_powers([](int column) { return column % static_cast<int>(kCount) * 8; });
    }

private:
    template <std::size_t kCount>
    static __m512i load_words(const std::byte* p) noexcept {
        if constexpr (kCount == 4) return _mm512_loadu_si512(p);
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    static __m512i mask_of(unsigned byte) noexcept {
        return kept(_mm512_set1_epi32(static_cast<int>(0xffu << 8 * byte)));
    }
    /// Lane i of vector v is column 4 * i + v.
    static void interleave_four(Arch::V* sums) noexcept {
        const __m512 s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
            const __m512i from = lanes_of([v](int lane) { return lane % 2 * 16 + v * 4 + lane / 4; });
            const __m512 first_two = _mm512_permutex2var_ps(s0, from, s1);
            const __m512 last_two = _mm512_permutex2var_ps(s2, from, s3);
            sums[v] = Arch::V(_mm512_mask_blend_ps(0xcccc, first_two, last_two));
        }
    }

    __m512i masks_[4] = {mask_of(0), mask_of(1), mask_of(2), mask_of(3)};
};

template <>
struct Form<Codec::int8_f32> : ByteForm<Codec::int8_f32> {};
template <>
struct Form<Codec::int8_f16> : ByteForm<Codec::int8_f16> {};

}  // namespace
}  // namespace rowpool::kernels
