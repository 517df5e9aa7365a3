// Scale and bias of a row, and the codes that follow from them, with the arithmetic of FBGEMM's AVX2 code
// (quantize_kernel.hpp).
#pragma once

#include <cstddef>

#include "core/half.hpp"

namespace rowpool::kernels {
namespace {

constexpr bool is_finite(float x) noexcept { return (bits_of(x) & 0x7f800000) != 0x7f800000; }
constexpr float rounded_to_f16(float x) noexcept { return f16_to_f32(f32_to_f16(x)); }

/// The stored scale and bias of a row, and the factor that its codes are computed with.
struct Coding {
    float scale;
    float bias;
    float inverse;  ///< code = round((x - bias) * inverse)
    bool finite;
};

/// 8 bits with f32 parameters: semantics of FloatOrHalfToFused8BitRowwiseQuantizedSBFloat.
inline Coding coding_f32(float min, float max) noexcept {
    const float range = max - min;
    return {range / 255.0f, min, 255.0f / (range + 1e-8f), is_finite(range)};
}

/// `bits` bits with f16 parameters: semantics of FloatOrHalfToFusedNBitRowwiseQuantizedSBHalf.
inline Coding coding_f16(float min, float max, std::size_t bits) noexcept {
    const float bias = rounded_to_f16(min);
    const float range = max - bias;
    float scale = range == 0 ? 1.0f : range / static_cast<float>((1u << bits) - 1);
    scale = rounded_to_f16(scale);
    const bool finite = is_finite(bias) && is_finite(scale);
    if (scale == 0 || !is_finite(1.0f / scale)) scale = 1.0f;
    return {scale, bias, 1.0f / scale, finite};
}

constexpr float kCodeShift = 12582912.0f;  ///< 1.5 * 2^23, where floats have a spacing of one

/// The code of x, from 0 to `largest`, plus kCodeShift: that sum rounds to the nearest integer, ties to even, as lrintf
/// does, and its lowest bits are the code. T is float or a vector of floats.
template <class T>
inline T shifted_code(T x, T bias, T inverse, T largest) noexcept {
    const T zero = {};
    T code = (x - bias) * inverse;
    code = code > zero ? code : zero;
    code = code < largest ? code : largest;
    return code + kCodeShift;
}

}  // namespace
}  // namespace rowpool::kernels
