// Runs of rows of a table, for commands that work through a table in blocks, and the norms of rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// Stored rows [first, first + count) of a table as a table without a remap, without copying. Both must be within the
/// table.
Table row_range(const Table& table, std::size_t first, std::size_t count);

/// Bytes of f32 values of the rows that are one core's unit of work: they stay in its caches, and take it long beside
/// the time to hand them out.
inline constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

/// How many rows make about `bytes` of f32 values: at least one.
inline std::size_t rows_in(std::size_t bytes, std::size_t dim) {
    return std::max<std::size_t>(1, bytes / (dim * sizeof(float)));
}

/// The p-norm of a row: the p-th root of the sum of |x|^p; the number of values that are not 0 for p = 0, the largest
/// and the smallest |x| for infinity and -infinity. Summed in f64.
double norm_of(std::span<const float> row, double p);

}  // namespace rowpool::tools
