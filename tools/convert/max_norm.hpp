// The max_norm option of nn.Embedding, applied to all rows.
#pragma once

#include <memory>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The maximum norm of a row, and the p of that norm.
struct MaxNorm {
    double norm = 1;
    double p = 2;
};

/// The rows of `source` in f32, scaled to the maximum norm by support::renorm(). `source` must outlive the result.
std::unique_ptr<Source> with_max_norm(const Source& source, const MaxNorm& most);

}  // namespace rowpool::tools
