// The one check of a table's shape, for tables over memory, tables in files and tables about to be written.
#pragma once

#include <cstddef>

#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool {

/// A shape in its normal form and the memory it stands for.
struct CheckedShape {
    TableShape shape;       ///< row_stride filled in, padding_index in [0, ids)
    std::size_t bytes = 0;  ///< from the first byte of the first row to the last byte of the last one
};

/// Checks dim, row stride and padding index, and that the bytes can be counted. `remapped` is the length of the table's
/// remap, 0 when it has none and ids are rows; with one there are at most 2^31 - 1 rows. Error: invalid_argument; its
/// message does not name the table, that is the caller's part.
Result<CheckedShape> check_shape(const TableShape& shape, std::size_t remapped = 0);

}  // namespace rowpool
