// The max_norm option of nn.Embedding, applied to all rows.
#pragma once

#include <memory>
#include <span>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The maximum norm of a row, and the p of that norm.
struct MaxNorm {
    double norm = 1;
    double p = 2;
};

/// Scales a row whose norm, rounded to f32, is above the maximum by maximum / (norm + 1e-7), as torch.embedding_renorm_
/// does: the factor is computed in f64 and rounded to f32; the products are f32. Other rows are kept bit for bit.
void renorm(std::span<float> row, const MaxNorm& most);

/// The rows of `source` in f32, scaled to the maximum norm. `source` must outlive the result.
std::unique_ptr<Source> with_max_norm(const Source& source, const MaxNorm& most);

}  // namespace rowpool::tools
