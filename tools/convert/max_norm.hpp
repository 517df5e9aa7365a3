// The max_norm option of nn.Embedding, applied to all rows.
#pragma once

#include <memory>
#include <span>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The largest norm that a row may have, and the p of that norm.
struct MaxNorm {
    double norm = 1;
    double p = 2;
};

/// Scales a row whose norm, rounded to f32, is above the largest by norm / (that + 1e-7), as torch.embedding_renorm_
/// does: the factor is made in f64 and rounded to f32, the products are f32. Other rows stay as they are, bit for bit.
void renorm(std::span<float> row, const MaxNorm& most);

/// The rows of `source`, which must outlive the result, in f32 and with norms of at most that.
std::unique_ptr<Source> with_max_norm(const Source& source, const MaxNorm& most);

}  // namespace rowpool::tools
