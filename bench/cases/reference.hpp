// A naive bag sum that follows docs/NUMERICS.md and shares no code with the library: every pooling case is checked
// against it before it is timed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/table.hpp"

namespace rowpool::bench {

/// The sum of a bag, bit for bit. Formats: f32, f16, bf16, int8 and int4; finite values only.
std::vector<float> reference_sum(const Table& table, std::span<const std::int32_t> bag);

}  // namespace rowpool::bench
