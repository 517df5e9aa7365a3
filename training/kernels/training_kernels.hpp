// The kernels of training: gradients of rows, and the update of rows by an optimizer. One table of functions for each
// instruction set. Their results do not depend on the set: sums are added in a fixed order, and nothing is fused.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rowpool/types.hpp"

namespace rowpool::train::kernels {

/// A lookup and its row: the row in the upper half, a *place* in the lower one. Sorted, lookups of a row are together.
using Lookup = std::uint64_t;

[[maybe_unused]] static constexpr std::size_t row_of(Lookup lookup) noexcept {
    return static_cast<std::size_t>(lookup >> 32);
}
[[maybe_unused]] static constexpr std::uint32_t place_of(Lookup lookup) noexcept {
    return static_cast<std::uint32_t>(lookup);
}

/// What the gradient of a row is summed from: for each of its lookups, the gradient of a bag times a factor. Arrays are
/// by place where they are per lookup.
struct Terms {
    const float* grads = nullptr;  ///< [bags, dim], without gaps
    std::size_t dim = 0;
    const std::uint32_t* bags = nullptr;     ///< the bag of each lookup; null where its place is the bag
    const float* bag_factors = nullptr;      ///< null: 1
    const float* weights = nullptr;          ///< per lookup; null: 1
    const std::uint32_t* winners = nullptr;  ///< max: [bags, dim], the place that a column's value came from; else null
    bool divides_by_count = false;           ///< by the number of the row's lookups: scale_grad_by_freq
};

/// The rows of a mutable table.
struct Rows {
    std::byte* data = nullptr;
    std::size_t dim = 0;
    RowFormat format = RowFormat::f32;  ///< f32, f16 or bf16
    bool rounds_stochastically = false;
    std::uint64_t rounding_key = 0;  ///< another one for each step
};

enum class Rule : std::uint8_t { sgd, adagrad, row_wise_adagrad, sparse_adam };

/// A step of an optimizer: docs/TRAINING.md has the formulas.
struct Update {
    Rule rule = Rule::sgd;
    float rate = 0;  ///< learning rate of this step, with decay and bias corrections
    float weight_decay = 0;
    float eps = 0;
    float momentum = 0;       ///< sgd
    float mean_share = 0;     ///< sparse_adam: 1 - beta1
    float square_share = 0;   ///< sparse_adam: 1 - beta2
    float* first = nullptr;   ///< [rows, dim] momentum, sum of squares or mean; [rows] of row_wise_adagrad; may be null
    float* second = nullptr;  ///< [rows, dim] mean square of sparse_adam
};

struct TrainingKernels {
    const char* isa;
    /// The gradient of the row that all these lookups, in order, are of; zeros without any. out has dim elements.
    void (*sum_terms)(const Terms& terms, const Lookup* lookups, std::size_t count, float* out);
    /// Updates each row of sorted lookups[0, count), which hold all lookups of their rows. buffer: 2 * dim floats.
    void (*update_looked_up)(const Rows& rows, const Update& update, const Terms& terms, const Lookup* lookups,
                             std::size_t count, float* buffer);
    /// Updates rows [first_row, last_row), which the sorted lookups[0, count) are of; those without lookups have a
    /// gradient of zeros.
    void (*update_all)(const Rows& rows, const Update& update, const Terms& terms, const Lookup* lookups,
                       std::size_t count, std::size_t first_row, std::size_t last_row, float* buffer);
    /// Decodes a row to dim floats.
    void (*load_row)(const Rows& rows, std::size_t row, float* out);
    /// Encodes a row, rounded as `rows` says.
    void (*store_row)(const Rows& rows, std::size_t row, const float* values);
    /// The products of a and b, summed in 16 lanes.
    float (*dot)(const float* a, const float* b, std::size_t dim);
    /// The first element of [0, count) that is not finite; count without one.
    std::size_t (*find_non_finite)(const float* values, std::size_t count);
};

// Those that were compiled in are defined.
extern const TrainingKernels training_kernels_generic;
extern const TrainingKernels training_kernels_avx2;
extern const TrainingKernels training_kernels_avx512;
extern const TrainingKernels training_kernels_neon;

}  // namespace rowpool::train::kernels
