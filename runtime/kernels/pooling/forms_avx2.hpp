// Forms for AVX2. Decoding eight columns of 4 or 2 bits in column order takes a variable shift per lane; bfloat16 takes
// a shuffle. In these forms, elements stay in the lanes that a load has put them in and are separated by masks; only
// the sums are shuffled, once per bag. There is no form for bytes: decoding them in order is one instruction, and no
// form was faster.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/forms.hpp"

namespace rowpool::kernels {
namespace {

/// Keeps a value in a register: the compiler would rematerialize a constant for every bag, and load a value from memory
/// again for each use.
[[gnu::always_inline]] inline __m256i kept(__m256i value) noexcept {
    asm("" : "+x"(value));
    return value;
}

/// Vectors 0 and 1 hold the even and the odd columns of 16.
inline void interleave(Arch::V* sums) noexcept {
    const __m256 low = _mm256_unpacklo_ps(sums[0], sums[1]), high = _mm256_unpackhi_ps(sums[0], sums[1]);
    sums[0] = Arch::V(_mm256_permute2f128_ps(low, high, 0x20));
    sums[1] = Arch::V(_mm256_permute2f128_ps(low, high, 0x31));
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
            const std::byte* const p = codes + RowCodec<Codec::bf16>::bytes_of(column);
            const __m256i pairs = kept(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
            x[0] = Arch::V(_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)));
            x[1] = Arch::V(_mm256_castsi256_ps(_mm256_and_si256(pairs, upper_half_)));
        }
    }
    template <std::size_t kCount>
    static void reorder(Arch::V* sums) noexcept {
        if constexpr (kCount == 2) interleave(sums);
    }
    static void store_pairs(std::byte* out, Arch::V even, Arch::V odd) noexcept {
        const __m256i lower = _mm256_srli_epi32(Arch::rounded_bf16(even), 16);
        const __m256i both = _mm256_blend_epi16(lower, Arch::rounded_bf16(odd), 0xaa);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), both);
    }

private:
    __m256i upper_half_ = kept(_mm256_set1_epi32(-65536));
};

/// int4 for few rows: four vectors at once, in column order. The bytes are spread to words, the nibbles of these to
/// bytes, and four bytes of each half of the register to the lanes of a vector. So the halves hold the columns that are
/// the first and the last four of every eight.
template <>
struct FewForm<Codec::int4> : PlainForm<Codec::int4> {
    static constexpr std::size_t group = 4;

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        if constexpr (kCount == 1) {
            PlainForm<Codec::int4>().template load<1>(codes, column, x);
        } else {
            static_assert(kCount == 4);
            const std::byte* const p = codes + RowCodec<Codec::int4>::bytes_of(column);
            const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
            const __m256i words =
                _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 2,
                                                            -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1));
            const __m256i both =
                _mm256_and_si256(_mm256_or_si256(words, _mm256_slli_epi32(words, 4)), _mm256_set1_epi8(15));
#pragma GCC unroll 4
            for (int v = 0; v < 4; ++v) {
                const char b = static_cast<char>(4 * v), z = -1;
                const char b1 = static_cast<char>(b + 1), b2 = static_cast<char>(b + 2), b3 = static_cast<char>(b + 3);
                const __m256i spread = _mm256_setr_epi8(b, z, z, z, b1, z, z, z, b2, z, z, z, b3, z, z, z, b, z, z, z,
                                                        b1, z, z, z, b2, z, z, z, b3, z, z, z);
                x[v] = Arch::V(_mm256_cvtepi32_ps(_mm256_shuffle_epi8(both, spread)));
            }
        }
    }
};

/// int4. Four vectors at once. The same 16 bytes are in both halves of the register, so that lane i holds 32-bit word i
/// % 4. Vectors 0 and 1 keep the even columns: vector 0 those of bytes 0 and 1 of each word, in the lower and in the
/// upper half of the register, vector 1 those of bytes 2 and 3. Vectors 2 and 3 keep the odd columns in the same way.
/// Codes are not shifted down from their byte, so that they are too large by a power of two.
template <>
struct Form<Codec::int4> : PlainForm<Codec::int4> {
    static constexpr bool is_plain = false;
    static constexpr std::size_t group = 4;
    static constexpr bool is_scaled = true;
    static constexpr std::size_t pays_from = 7;

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        if constexpr (kCount < 4) {
#pragma GCC unroll 2
            for (std::size_t v = 0; v < kCount; ++v) {
                PlainForm<Codec::int4>().template load<1>(codes, column + v * Arch::width, x + v);
            }
        } else {
            const std::byte* const p = codes + RowCodec<Codec::int4>::bytes_of(column);
            const __m256i even = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
            const __m256i odd = _mm256_srli_epi32(even, 4);
            x[0] = masked(even, first_two_);
            x[1] = masked(even, last_two_);
            x[2] = masked(odd, first_two_);
            x[3] = masked(odd, last_two_);
        }
    }
    template <std::size_t kCount>
    static void reorder(Arch::V* sums) noexcept {
        if constexpr (kCount < 4) return;
        // Byte b of word w holds columns 8 w + 2 b and 8 w + 2 b + 1. A result vector holds two words of four bytes.
        const __m256 bytes01_low = _mm256_unpacklo_ps(sums[0], sums[2]);   // words 0, 1: bytes 0 | 1
        const __m256 bytes01_high = _mm256_unpackhi_ps(sums[0], sums[2]);  // words 2, 3
        const __m256 bytes23_low = _mm256_unpacklo_ps(sums[1], sums[3]);   // bytes 2 | 3
        const __m256 bytes23_high = _mm256_unpackhi_ps(sums[1], sums[3]);
        word_pair(bytes01_low, bytes23_low, sums);
        word_pair(bytes01_high, bytes23_high, sums + 2);
    }
    template <std::size_t kCount>
    static Arch::V power() noexcept {
        if constexpr (kCount < 4) return Arch::set(1);
        return Arch::V(_mm256_setr_ps(1, 1, 0x1p-8f, 0x1p-8f, 0x1p-16f, 0x1p-16f, 0x1p-24f, 0x1p-24f));
    }

private:
    static Arch::V masked(__m256i words, __m256i mask) noexcept {
        return Arch::V(_mm256_cvtepi32_ps(_mm256_and_si256(words, mask)));
    }
    static __m256i mask(int lower, int upper) noexcept {
        return kept(_mm256_setr_epi32(lower, lower, lower, lower, upper, upper, upper, upper));
    }
    /// From the columns of bytes 0 and 1, and those of bytes 2 and 3, of two words: a vector for each word.
    static void word_pair(__m256 bytes01, __m256 bytes23, Arch::V* words) noexcept {
        const __m256d b01 = _mm256_castps_pd(bytes01), b23 = _mm256_castps_pd(bytes23);
        const __m256d first = _mm256_unpacklo_pd(b01, b23);  // bytes 0, 2 | 1, 3
        const __m256d second = _mm256_unpackhi_pd(b01, b23);
        words[0] = Arch::V(_mm256_castpd_ps(_mm256_permute4x64_pd(first, 0b11'01'10'00)));
        words[1] = Arch::V(_mm256_castpd_ps(_mm256_permute4x64_pd(second, 0b11'01'10'00)));
    }

    __m256i first_two_ = mask(0xf, 0xf << 8);
    __m256i last_two_ = mask(0xf << 16, 0xf << 24);
};

}  // namespace
}  // namespace rowpool::kernels
