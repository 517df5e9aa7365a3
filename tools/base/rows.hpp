// Runs of rows of a table, for commands that work through a table in blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// Stored rows [first, first + count) of a table as a table without a remap, without copying. Both must be within the
/// table.
Table row_range(const Table& table, std::size_t first, std::size_t count);

/// How many rows make about `bytes` of f32 values: at least one.
inline std::size_t rows_in(std::size_t bytes, std::size_t dim) {
    return std::max<std::size_t>(1, bytes / (dim * sizeof(float)));
}

}  // namespace rowpool::tools
