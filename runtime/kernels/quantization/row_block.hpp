// Several rows of floats transposed, one per lane: the input of quantization methods that read a row many times.
//
// Lanes do not interact. So each row gets the result that it would get alone, sums run over its columns in order
// whatever the vector width, and the bits are the same for every instruction set.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "kernels/quantization/coding.hpp"

namespace rowpool::kernels {
namespace {

constexpr std::size_t kLanes = kRowsAtOnce;

// As many lanes as a register holds.
#if defined(__AVX512F__)
constexpr std::size_t kWidth = 16;
#elif defined(__AVX__)
constexpr std::size_t kWidth = 8;
#else
constexpr std::size_t kWidth = 4;
#endif
using Vector __attribute__((vector_size(kWidth * sizeof(float)))) = float;

inline Vector load_lanes(const float* lanes) noexcept {
    Vector v;
    __builtin_memcpy(&v, lanes, sizeof v);
    return v;
}
inline void store_lanes(float* lanes, Vector v) noexcept { __builtin_memcpy(lanes, &v, sizeof v); }

/// One number per row.
struct Lanes {
    alignas(64) float at[kLanes] = {};
};

/// Transposed rows: kLanes numbers per column.
struct RowBlock {
    const float* values;  ///< [dim, kLanes]
    std::size_t dim;

    const float* column(std::size_t d) const noexcept { return values + d * kLanes; }
};

/// Scales and biases, and the factor that finds codes.
struct LaneCodings {
    Lanes scale;
    Lanes bias;
    Lanes inverse;  ///< a code is (x - bias) * inverse, rounded
};

/// The code of x, which shifted_code() gives as an integer. T is float or Vector.
template <class T>
inline T code_of(T x, T bias, T inverse, T largest) noexcept {
    return shifted_code(x, bias, inverse, largest) - kCodeShift;
}

/// x minus its decoded value.
template <class T>
inline T residual(T x, T code, T scale, T bias) noexcept {
    return x - (code * scale + bias);
}

}  // namespace
}  // namespace rowpool::kernels
