// A naive sum over the rows of a bag, by what docs/NUMERICS.md says and without the library's code: what every pooling
// case is checked against before it is timed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/table.hpp"

namespace rowpool::bench {

/// The bag's sum, to the last bit. Formats: f32, f16, bf16, int8 and int4; finite values.
std::vector<float> reference_sum(const Table& table, std::span<const std::int32_t> bag);

}  // namespace rowpool::bench
