// Forms for AVX2. Decoding eight columns of 4 bits in column order takes a variable shift per lane; bfloat16 takes a
// shuffle. In these forms, elements stay in the lanes that a load has put them in and are separated by masks; only
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

/// Makes the NaNs of two vectors canonical. One comparison finds that there are none, as is nearly always so.
[[gnu::always_inline]] inline void make_canonical(Arch::V& a, Arch::V& b) noexcept {
    if (_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_UNORD_Q)) != 0) [[unlikely]] {
        a = Arch::canonical(a), b = Arch::canonical(b);
    }
}

/// f16: the plain form, but for stores of weighted single rows, which check two vectors at once.
template <>
struct Form<Codec::f16> : PlainForm<Codec::f16> {
    template <OutputType kType, std::size_t kCount>
    static constexpr bool stores_pairs = (kType == OutputType::f16) && (kCount == 2);

    static void store_pairs(std::byte* out, Arch::V first, Arch::V second) noexcept {
        make_canonical(first, second);
        Arch::store_f16(out, first);
        Arch::store_f16(out + Arch::width * 2, second);
    }
};

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
        make_canonical(even, odd);
        const __m256i lower = _mm256_srli_epi32(Arch::rounded_bf16(even), 16);
        const __m256i both = _mm256_blend_epi16(lower, Arch::rounded_bf16(odd), 0xaa);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), both);
    }

private:
    __m256i upper_half_ = kept(_mm256_set1_epi32(-65536));
};

/// int4. Four vectors at once. The same 16 bytes are in both halves of the register, so that lane i holds 32-bit word i
/// % 4. Vectors 0 and 1 keep the even columns: vector 0 those of byte 0 of each word in the lower half of the register
/// and of byte 2 in the upper one, vector 1 those of bytes 1 and 3. Vectors 2 and 3 keep the odd columns in the same
/// way. Codes are not shifted down from their byte, so that they are too large by a power of two.
template <>
struct Form<Codec::int4> : PlainForm<Codec::int4> {
    static constexpr bool is_plain = false;
    static constexpr std::size_t group = 4;
    static constexpr bool is_scaled = true;
    static constexpr std::size_t pays_from = 3;

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
            x[0] = masked(even, bytes_0_2_);
            x[1] = masked(even, bytes_1_3_);
            x[2] = masked(odd, bytes_0_2_);
            x[3] = masked(odd, bytes_1_3_);
        }
    }
    /// Transposes each half of the register: word i becomes vector i.
    template <std::size_t kCount>
    static void reorder(Arch::V* sums) noexcept {
        if constexpr (kCount < 4) return;
        const __m256d first_low = _mm256_castps_pd(_mm256_unpacklo_ps(sums[0], sums[2]));   // words 0, 1: bytes 0 | 2
        const __m256d first_high = _mm256_castps_pd(_mm256_unpackhi_ps(sums[0], sums[2]));  // words 2, 3
        const __m256d second_low = _mm256_castps_pd(_mm256_unpacklo_ps(sums[1], sums[3]));  // bytes 1 | 3
        const __m256d second_high = _mm256_castps_pd(_mm256_unpackhi_ps(sums[1], sums[3]));
        sums[0] = Arch::V(_mm256_castpd_ps(_mm256_unpacklo_pd(first_low, second_low)));
        sums[1] = Arch::V(_mm256_castpd_ps(_mm256_unpackhi_pd(first_low, second_low)));
        sums[2] = Arch::V(_mm256_castpd_ps(_mm256_unpacklo_pd(first_high, second_high)));
        sums[3] = Arch::V(_mm256_castpd_ps(_mm256_unpackhi_pd(first_high, second_high)));
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

    __m256i bytes_0_2_ = mask(0xf, 0xf << 16);
    __m256i bytes_1_3_ = mask(0xf << 8, 0xf << 24);
};

}  // namespace
}  // namespace rowpool::kernels
