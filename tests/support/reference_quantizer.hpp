// The quantization formulas of PyTorch and FBGEMM a second time, literal and one row at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "rowpool/types.hpp"

namespace rowpool::test {

/// The bytes of a row of `format` that holds these values, or nothing when the row must be refused.
std::optional<std::vector<std::byte>> reference_quantize(std::span<const float> row, RowFormat format);

}  // namespace rowpool::test
