// Arch for AVX2 with FMA and F16C: eight floats. arch_generic.hpp says what an Arch is.
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
    using V = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
    static constexpr std::size_t width = 8;
    static constexpr bool has_fma = true;
    static constexpr std::size_t max_vectors = 14;
    static constexpr std::size_t max_row_vectors = 18;

    static V set(float x) noexcept { return V(x); }
    static V fma(V a, V b, V c) noexcept { return V(_mm256_fmadd_ps(a, b, c)); }
    static V divide(V a, V b) noexcept { return a / b; }
    static V greater_or(V x, V than) noexcept { return V(_mm256_max_ps(x, than)); }  // the second one unless x > than
    static V canonical(V x) noexcept { return xsimd::select(x == x, x, V(float_from_bits(kNanF32))); }

    static V note_non_finite(V non_finite, V x) noexcept { return V(_mm256_or_ps(non_finite, x - x)); }
    static bool has_nan(V x) noexcept { return _mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0; }

    static V load_f32(const std::byte* p) noexcept { return V(_mm256_loadu_ps(reinterpret_cast<const float*>(p))); }
    static V load_f16(const std::byte* p) noexcept { return V(_mm256_cvtph_ps(load128(p))); }
    static V load_bf16(const std::byte* p) noexcept { return widen_bf16(load128(p)); }
    static V load_u8(const std::byte* p) noexcept {
        return V(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))));
    }
    static V load_u4(const std::byte* p) noexcept {
        std::int32_t codes;
        std::memcpy(&codes, p, sizeof codes);
        return unpack(_mm256_set1_epi32(codes), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28), 15);
    }
    static V load_u2(const std::byte* p) noexcept {
        std::int16_t codes;
        std::memcpy(&codes, p, sizeof codes);
        return unpack(_mm256_set1_epi16(codes), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14), 3);
    }

    static constexpr std::size_t least_exact_bits = 32;
    // No wider than needed: a load that crosses into another cache line waits for that line. Three columns and more are
    // loaded as the first and the last ones, and those put in their place. (Masked loads would do, too, but wait for
    // the lines of what they mask, and qemu 7.2 reads that.)
    static V load_f32_part(const std::byte* p, std::size_t columns) noexcept {
        const auto* const values = reinterpret_cast<const float*>(p);
        if (columns == 1) {
            float value;  // _mm_load_ss() needs an aligned one
            std::memcpy(&value, p, sizeof value);
            return widen(_mm_set_ss(value));
        }
        const auto number = static_cast<int>(columns);
        const auto* const pairs = reinterpret_cast<const __m128i*>(p);
        if (columns == 2) return widen(_mm_castsi128_ps(_mm_loadl_epi64(pairs)));
        if (columns <= 4) {
            const __m128 first = _mm_castsi128_ps(_mm_loadl_epi64(pairs));
            const __m128 both = _mm_loadh_pi(first, reinterpret_cast<const __m64*>(values + columns - 2));
            return widen(_mm_permutevar_ps(both, _mm_setr_epi32(0, 1, 6 - number, 3)));
        }
        const __m256 first = _mm256_castps128_ps256(_mm_loadu_ps(values));
        const __m256 both = _mm256_insertf128_ps(first, _mm_loadu_ps(values + columns - 4), 1);
        return V(_mm256_permutevar_ps(both,
                                      _mm256_setr_epi32(0, 1, 2, 3, 8 - number, 9 - number, 10 - number, 11 - number)));
    }
    static V load_f16_part(const std::byte* p, std::size_t columns) noexcept {
        return V(_mm256_cvtph_ps(load_halves_part(p, columns)));
    }
    static V load_bf16_part(const std::byte* p, std::size_t columns) noexcept {
        return widen_bf16(load_halves_part(p, columns));
    }
    static V load_u8_part(const std::byte* p, std::size_t) noexcept { return load_u8(p); }

    static void store_f32(std::byte* p, V v) noexcept { _mm256_storeu_ps(reinterpret_cast<float*>(p), v); }
    static void stream_f32(std::byte* p, V v) noexcept { _mm256_stream_ps(reinterpret_cast<float*>(p), v); }
    static void store_f16(std::byte* p, V v) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    static void store_bf16(std::byte* p, V v) noexcept {
        const __m256i halves = _mm256_srli_epi32(rounded_bf16(v), 16);
        const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
    }
    /// Rounds to bfloat16, which is the upper half of each lane; the lower one is left over. To the nearest, ties to
    /// even.
    static __m256i rounded_bf16(V v) noexcept {
        const __m256i bits = _mm256_castps_si256(v);
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        return _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    }

    static void store_canonical_bf16(std::byte* p, V v) noexcept { store_bf16(p, canonical(v)); }

    static void load_f16_pair(const std::byte* p, float (&values)[2]) noexcept {
        int pair;
        std::memcpy(&pair, p, sizeof pair);
        const __m128 widened = _mm_cvtph_ps(_mm_cvtsi32_si128(pair));
        values[0] = _mm_cvtss_f32(widened);
        values[1] = _mm_cvtss_f32(_mm_movehdup_ps(widened));
    }
    static float fma_scalar(float a, float b, float c) noexcept {
        // In registers: of an operand in memory, qemu 7.2 reads 16 bytes, which may be past the end of a table.
        asm("" : "+x"(a), "+x"(b), "+x"(c));
        return __builtin_fmaf(a, b, c);
    }

private:
    static __m128i load128(const std::byte* p) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
    static V widen_bf16(__m128i halves) noexcept {
        return V(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16)));
    }
    static V widen(__m128 lower) noexcept { return V(_mm256_zextps128_ps256(lower)); }
    static __m128i load_halves_part(const std::byte* p, std::size_t columns) noexcept {
        if (columns == 1) {
            std::uint16_t half;
            std::memcpy(&half, p, sizeof half);
            return _mm_cvtsi32_si128(half);
        }
        if (columns <= 4) return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
        return load128(p);
    }
    static V unpack(__m256i codes, __m256i shifts, int mask) noexcept {
        return V(_mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srlv_epi32(codes, shifts), _mm256_set1_epi32(mask))));
    }
};

}  // namespace
}  // namespace rowpool::kernels
