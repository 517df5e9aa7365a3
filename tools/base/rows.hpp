// Row ranges of a table, for commands that process a table in blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// A view of stored rows [first, first + count) as a table without a remap. The range must be within the table.
Table row_range(const Table& table, std::size_t first, std::size_t count);

/// The bytes from the first row to the end of the last one.
std::span<const std::byte> bytes_of(const Table& table);

/// Bytes that the rows of such a table take in a table file.
inline std::uint64_t stored_bytes(const TableShape& shape) { return shape.rows * row_bytes(shape.format, shape.dim); }

/// Bytes of f32 values per unit of work of a core: few enough to stay in its caches, and enough that scheduling costs
/// little in comparison.
inline constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

/// The number of rows with about `bytes` of f32 values; at least one.
inline std::size_t rows_in(std::size_t bytes, std::size_t dim) {
    return std::max<std::size_t>(1, bytes / (dim * sizeof(float)));
}

}  // namespace rowpool::tools
