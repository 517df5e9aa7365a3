// Norms of rows, and PyTorch's max_norm.
#pragma once

#include <span>

namespace rowpool::support {

/// The p-norm of a row: the p-th root of the sum of |x|^p; the number of values that are not 0 for p = 0, the largest
/// and the smallest |x| for infinity and -infinity. Summed in f64; NaN where a value is.
double norm_of(std::span<const float> row, double p) noexcept;

/// Scales a row whose norm is above max_norm down to it, as torch.embedding_renorm_ does: the norm rounded to f32, 1e-7
/// added, the factor rounded to f32. Returns whether it did.
bool renorm(std::span<float> row, double max_norm, double p) noexcept;

}  // namespace rowpool::support
