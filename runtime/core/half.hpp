// Half-precision numbers as bit patterns: f16 and bf16 to f32 and back, rounding to nearest even.
//
// Everything here has internal linkage and no branches on data: the generic kernels include it and rely on the compiler
// to vectorize it, and kernel objects of different instruction sets must not share symbols (docs/ARCHITECTURE.md).
#pragma once

#include <cstdint>

namespace rowpool {

/// The one NaN that rowpool writes, in each output type (docs/NUMERICS.md).
static constexpr std::uint32_t kNanF32 = 0x7fc00000;
static constexpr std::uint16_t kNanF16 = 0x7e00;
static constexpr std::uint16_t kNanBF16 = 0x7fc0;

[[maybe_unused]] static constexpr float float_from_bits(std::uint32_t bits) noexcept {
    return __builtin_bit_cast(float, bits);
}

[[maybe_unused]] static constexpr std::uint32_t bits_of(float value) noexcept {
    return __builtin_bit_cast(std::uint32_t, value);
}

/// Exact. A NaN keeps its payload.
[[maybe_unused]] static constexpr float f16_to_f32(std::uint16_t half) noexcept {
    const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fff) << 13;
    // Exponent 0..30 of f16 read as f32 is 2^112 too small, subnormals included; exponent 31 is infinity or NaN.
    const std::uint32_t finite = bits_of(float_from_bits(magnitude) * 0x1p112f);
    const std::uint32_t value = magnitude >= 0x0f800000 ? magnitude | 0x7f800000 : finite;
    return float_from_bits(value | static_cast<std::uint32_t>(half & 0x8000) << 16);
}

/// Rounds to nearest even; overflows to infinity; every NaN becomes kNanF16.
[[maybe_unused]] static constexpr std::uint16_t f32_to_f16(float value) noexcept {
    const std::uint32_t bits = bits_of(value) & 0x7fffffff;
    const std::uint32_t sign = bits_of(value) >> 16 & 0x8000;
    // Below 2^-14, adding 1/2 gives a float whose spacing is that of f16 subnormals, so that the addition does the
    // rounding.
    const std::uint32_t subnormal = bits_of(float_from_bits(bits) + 0.5f) - bits_of(0.5f);
    const std::uint32_t normal = (bits + 0xfff + (bits >> 13 & 1) - (112u << 23)) >> 13;
    const std::uint32_t infinite = 0x7c00;
    std::uint32_t half = bits < 0x38800000 ? subnormal : normal;
    half = bits >= 0x47800000 ? infinite : half;
    return static_cast<std::uint16_t>(bits > 0x7f800000 ? kNanF16 : half | sign);
}

/// Exact. A NaN keeps its payload.
[[maybe_unused]] static constexpr float bf16_to_f32(std::uint16_t half) noexcept {
    return float_from_bits(static_cast<std::uint32_t>(half) << 16);
}

/// Rounds to nearest even; overflows to infinity; every NaN becomes kNanBF16.
[[maybe_unused]] static constexpr std::uint16_t f32_to_bf16(float value) noexcept {
    const std::uint32_t bits = bits_of(value);
    const std::uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return static_cast<std::uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? kNanBF16 : rounded);
}

}  // namespace rowpool
