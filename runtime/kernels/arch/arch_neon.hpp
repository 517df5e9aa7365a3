// Arch for AArch64 Advanced SIMD: four floats. arch_generic.hpp says what an Arch is.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <xsimd/xsimd.hpp>

#include "core/half.hpp"

namespace rowpool::kernels {
namespace {

struct Arch {
    using V = xsimd::batch<float, xsimd::neon64>;
    static constexpr std::size_t width = 4;
    static constexpr bool has_fma = true;
    static constexpr std::size_t max_vectors = 8;
    static constexpr std::size_t max_row_vectors = 8;

    static V set(float x) noexcept { return V(x); }
    static V fma(V a, V b, V c) noexcept { return V(vfmaq_f32(c, a, b)); }
    static V divide(V a, V b) noexcept { return V(vdivq_f32(a, b)); }  // xsimd 8.1 divides by an estimate
    static V greater_or(V x, V than) noexcept { return V(vbslq_f32(vcgtq_f32(x, than), x, than)); }  // vmaxq gives NaN
    static V canonical(V x) noexcept { return V(vbslq_f32(vceqq_f32(x, x), x, vdupq_n_f32(float_from_bits(kNanF32)))); }

    static V note_non_finite(V non_finite, V x) noexcept {
        return V(vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(non_finite), vreinterpretq_u32_f32(x - x))));
    }
    static bool has_nan(V x) noexcept { return vminvq_u32(vceqq_f32(x, x)) == 0; }

    static V load_f32(const std::byte* p) noexcept { return V(vreinterpretq_f32_u8(vld1q_u8(bytes(p)))); }
    static V load_f16(const std::byte* p) noexcept { return V(vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes(p))))); }
    static V load_bf16(const std::byte* p) noexcept {
        return V(vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes(p))), 16)));
    }
    static V load_u8(const std::byte* p) noexcept {
        const uint8x8_t codes = vreinterpret_u8_u32(vdup_n_u32(load<std::uint32_t>(p)));
        return V(vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(codes)))));
    }
    static V load_u4(const std::byte* p) noexcept {
        constexpr std::int32_t shifts[4] = {0, -4, -8, -12};
        return unpack(load<std::uint16_t>(p), vld1q_s32(shifts), 15);
    }
    static V load_u2(const std::byte* p) noexcept {
        constexpr std::int32_t shifts[4] = {0, -2, -4, -6};
        return unpack(load<std::uint8_t>(p), vld1q_s32(shifts), 3);
    }

    static constexpr std::size_t least_exact_bits = 64;
    static V load_f32_part(const std::byte* p, std::size_t) noexcept { return load_f32(p); }
    static V load_f16_part(const std::byte* p, std::size_t) noexcept { return load_f16(p); }
    static V load_bf16_part(const std::byte* p, std::size_t) noexcept { return load_bf16(p); }
    static V load_u8_part(const std::byte* p, std::size_t) noexcept { return load_u8(p); }

    static void store_f32(std::byte* p, V v) noexcept {
        vst1q_u8(reinterpret_cast<std::uint8_t*>(p), vreinterpretq_u8_f32(v));
    }
    static void store_f16(std::byte* p, V v) noexcept {
        vst1_u8(reinterpret_cast<std::uint8_t*>(p), vreinterpret_u8_f16(vcvt_f16_f32(v)));
    }
    static void store_bf16(std::byte* p, V v) noexcept {
        const uint32x4_t bits = vreinterpretq_u32_f32(v);
        const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
        const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
        vst1_u8(reinterpret_cast<std::uint8_t*>(p), vreinterpret_u8_u16(vshrn_n_u32(rounded, 16)));
    }

    static void store_canonical_bf16(std::byte* p, V v) noexcept { store_bf16(p, canonical(v)); }

    static void load_f16_pair(const std::byte* p, float (&values)[2]) noexcept {
        const uint16x4_t pair = vreinterpret_u16_u32(vdup_n_u32(load<std::uint32_t>(p)));
        vst1_f32(values, vget_low_f32(vcvt_f32_f16(vreinterpret_f16_u16(pair))));
    }
    static float fma_scalar(float a, float b, float c) noexcept { return __builtin_fmaf(a, b, c); }

private:
    static const std::uint8_t* bytes(const std::byte* p) noexcept { return reinterpret_cast<const std::uint8_t*>(p); }
    template <class T>
    static T load(const std::byte* p) noexcept {
        T value;
        std::memcpy(&value, p, sizeof value);
        return value;
    }
    static V unpack(std::uint32_t codes, int32x4_t shifts, std::uint32_t mask) noexcept {
        return V(vcvtq_f32_u32(vandq_u32(vshlq_u32(vdupq_n_u32(codes), shifts), vdupq_n_u32(mask))));
    }
};

}  // namespace
}  // namespace rowpool::kernels
