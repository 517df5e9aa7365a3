// Arch for AVX-512 (f, cd, dq, bw, vl): sixteen floats. arch_generic.hpp says what an Arch is.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <xsimd/xsimd.hpp>

#include "core/half.hpp"

namespace rowpool::kernels {
namespace {

struct Arch {
    using V = xsimd::batch<float, xsimd::avx512bw>;
    static constexpr std::size_t width = 16;
    static constexpr bool has_fma = true;
    static constexpr std::size_t max_vectors = 28;
    static constexpr std::size_t max_row_vectors = 28;

    static V set(float x) noexcept { return V(x); }
    static V fma(V a, V b, V c) noexcept { return V(_mm512_fmadd_ps(a, b, c)); }  // xsimd 8.1 has none here
    static V divide(V a, V b) noexcept { return a / b; }
    static V greater_or(V x, V than) noexcept { return V(_mm512_max_ps(x, than)); }  // the second one unless x > than
    static V canonical(V x) noexcept {
        // One instruction: a table of what to make of each class of numbers. NaNs, quiet and signalling, become the
        // first operand, all others stay the second one.
        return V(_mm512_fixupimm_ps(set(float_from_bits(kNanF32)), x, _mm512_set1_epi32(0x11111100), 0));
    }

    static V note_non_finite(V non_finite, V x) noexcept { return V(_mm512_or_ps(non_finite, x - x)); }
    static bool has_nan(V x) noexcept { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q) != 0; }

    static V load_f32(const std::byte* p) noexcept { return V(_mm512_loadu_ps(p)); }
    static V load_f16(const std::byte* p) noexcept { return V(_mm512_cvtph_ps(load256(p))); }
    static V load_bf16(const std::byte* p) noexcept { return widen_bf16(load256(p)); }
    static V load_u8(const std::byte* p) noexcept {
        return V(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))));
    }
    static V load_u4(const std::byte* p) noexcept {
        // Each lane shifts its code to the lowest bits and looks it up in a table of 16 floats; the lookup ignores
        // higher bits.
        const __m512i codes = _mm512_mask_set1_epi32(_mm512_set1_epi32(load32(p)), 0xff00, load32(p + 4));
        const __m512i shifts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
        const __m512 floats = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        return V(_mm512_permutexvar_ps(_mm512_srlv_epi32(codes, shifts), floats));
    }
    static V load_u2(const std::byte* p) noexcept {
        const __m512i shifts = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        const __m512 floats = _mm512_setr_ps(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
        return V(_mm512_permutexvar_ps(_mm512_srlv_epi32(_mm512_set1_epi32(load32(p)), shifts), floats));
    }

    // A masked load waits for the cache lines of what it masks, too. So the masked ones are half as wide as a vector,
    // and more than half a vector of floats is its first half and one that ends with the last column.
    static constexpr std::size_t least_exact_bits = 8;
    static V load_f32_part(const std::byte* p, std::size_t columns) noexcept {
        if (columns == 1) return widen(_mm_cvtsi32_si128(load32(p)));
        if (columns == 2) return widen(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
        if (columns <= 4) return widen(_mm_castps_si128(_mm_maskz_loadu_ps(first_half(columns), p)));
        if (columns <= 8) return V(_mm512_zextps256_ps512(_mm256_maskz_loadu_ps(first_half(columns), p)));
        const __m512 first = _mm512_castps256_ps512(_mm256_loadu_ps(reinterpret_cast<const float*>(p)));
        const __m512 last = _mm512_castps256_ps512(_mm256_loadu_ps(reinterpret_cast<const float*>(p) + columns - 8));
        const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m512i moved = _mm512_set1_epi32(24 - static_cast<int>(columns));
        return V(_mm512_permutex2var_ps(first, _mm512_mask_add_epi32(lanes, 0xff00, lanes, moved), last));
    }
    static V load_f16_part(const std::byte* p, std::size_t columns) noexcept {
        return V(_mm512_cvtph_ps(load_halves_part(p, columns)));
    }
    static V load_bf16_part(const std::byte* p, std::size_t columns) noexcept {
        return widen_bf16(load_halves_part(p, columns));
    }
    static V load_u8_part(const std::byte* p, std::size_t columns) noexcept {
        return V(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(columns), p))));
    }

    static void store_f32(std::byte* p, V v) noexcept { _mm512_storeu_ps(p, v); }
    static void stream_f32(std::byte* p, V v) noexcept { _mm512_stream_ps(reinterpret_cast<float*>(p), v); }
    static void store_f16(std::byte* p, V v) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    static void store_bf16(std::byte* p, V v) noexcept {
        const __m256i halves = _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded_bf16(v), 16));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), halves);
    }
    /// Rounds to bfloat16, which is the upper half of each lane; the lower one is left over. To the nearest, ties to
    /// even: adds half a unit of the upper half to odd ones, a little less to even ones.
    static __m512i rounded_bf16(V v) noexcept {
        const __m512i bits = _mm512_castps_si512(v);
        const __mmask16 is_odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(1 << 16));
        const __m512i less = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
        return _mm512_mask_add_epi32(less, is_odd, bits, _mm512_set1_epi32(0x8000));
    }
    static void store_canonical_bf16(std::byte* p, V v) noexcept {
        if (!rounds_bf16(v, v)) [[unlikely]]
            return store_bf16(p, canonical(v));
        __m256i halves;
        asm volatile("vcvtneps2bf16 %1, %0" : "=v"(halves) : "v"(__m512(v)));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), halves);
    }
    /// Whether the CPU rounds these as rounded_bf16() does (AVX512_BF16): it takes denormals for zero and leaves NaNs
    /// as they are, so there must be none. Its instructions are written as assembly, because this file is compiled for
    /// CPUs without them, too; volatile, so that they stay behind the check.
    [[gnu::always_inline]] static bool rounds_bf16(V a, V b) noexcept {
        constexpr int kNaNOrDenormal = 0xa1;
        return __builtin_cpu_supports("avx512bf16") &&
               _kortestz_mask16_u8(_mm512_fpclass_ps_mask(a, kNaNOrDenormal),
                                   _mm512_fpclass_ps_mask(b, kNaNOrDenormal)) != 0;
    }
    /// Rounds two vectors that rounds_bf16() accepts; the first is the lower half.
    static __m512i halves_bf16(V first, V second) noexcept {
        __m512i halves;
        asm volatile("vcvtne2ps2bf16 %2, %1, %0" : "=v"(halves) : "v"(__m512(second)), "v"(__m512(first)));
        return halves;
    }

    static void load_f16_pair(const std::byte* p, float (&values)[2]) noexcept {
        int pair;
        std::memcpy(&pair, p, sizeof pair);
        const __m128 widened = _mm_cvtph_ps(_mm_cvtsi32_si128(pair));
        values[0] = _mm_cvtss_f32(widened);
        values[1] = _mm_cvtss_f32(_mm_movehdup_ps(widened));
    }
    static float fma_scalar(float a, float b, float c) noexcept { return __builtin_fmaf(a, b, c); }

private:
    static V widen_bf16(__m256i halves) noexcept {
        return V(_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)));
    }
    static __mmask16 first_lanes(std::size_t count) noexcept { return static_cast<__mmask16>((1u << count) - 1); }
    static __mmask8 first_half(std::size_t count) noexcept { return static_cast<__mmask8>((1u << count) - 1); }
    static V widen(__m128i lower) noexcept { return V(_mm512_zextps128_ps512(_mm_castsi128_ps(lower))); }
    static __m256i load_halves_part(const std::byte* p, std::size_t columns) noexcept {
        if (columns == 2) return _mm256_zextsi128_si256(_mm_cvtsi32_si128(load32(p)));
        if (columns <= 8) return _mm256_zextsi128_si256(_mm_maskz_loadu_epi16(first_half(columns), p));
        const __m256i first = _mm256_castsi128_si256(load128(p));
        const __m256i last = _mm256_castsi128_si256(load128(p + (columns - 8) * 2));
        const __m256i lanes = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m256i moved = _mm256_set1_epi16(static_cast<short>(24 - columns));
        return _mm256_permutex2var_epi16(first, _mm256_mask_add_epi16(lanes, 0xff00, lanes, moved), last);
    }
    static __m128i load128(const std::byte* p) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
    static __m256i load256(const std::byte* p) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static int load32(const std::byte* p) noexcept {
        int value;
        std::memcpy(&value, p, sizeof value);
        return value;
    }
};

}  // namespace
}  // namespace rowpool::kernels
