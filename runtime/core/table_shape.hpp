// The single check of table shapes: of tables over memory, in files and about to be written.
#pragma once

#include <cstddef>

#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool {

/// A normalised shape, and the size of its memory.
struct CheckedShape {
    TableShape shape;       ///< row_stride filled in, padding_index in [0, ids)
    std::size_t bytes = 0;  ///< from the first byte of the first row to the last byte of the last one
};

/// Checks dim, row stride and padding index, and that the size in bytes does not overflow. `remapped` is the length of
/// the table's remap, 0 when it has none and ids are rows; with a remap there are at most 2^31 - 1 rows. Error:
/// invalid_argument; the caller adds the name of the table to the message.
Result<CheckedShape> check_shape(const TableShape& shape, std::size_t remapped = 0);

}  // namespace rowpool
