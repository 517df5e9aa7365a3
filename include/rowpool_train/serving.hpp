// From training to serving: table files of tables that learn.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/types.hpp"
#include "rowpool_train/mutable_table.hpp"
#include "rowpool_train/workers.hpp"

namespace rowpool::train {

/// A table, and how its rows are stored in a file.
struct ServedTable {
    MutableTable table;
    RowCoding coding = RowFormat::f32;  ///< any row format
    /// Names joined by newlines, one per row, or empty: as NewTable::row_names. The caller's memory.
    std::string_view row_names = {};
};

/// Writes tables to a table file, which rowpool::TableFile opens, as they are now: whole or not at all. Touched marks
/// stay: clear them with MutableTable::clear_touched() for the next refresh.
/// Errors: invalid_argument for no tables, two of one name, row names that are not one per row, or a row that the
/// format cannot represent (see rowpool::quantize_rows); io_error; out_of_memory.
ROWPOOL_API Status write_table_file(const std::string& path, std::span<const ServedTable> tables,
                                    const Workers& workers = {});

/// The same bytes in less time, where `path` is the file that write_table_file() or this function wrote of these tables
/// and codings before: rows that are not in a block with a touched row are taken from it. The file is replaced whole,
/// so that processes that have it open keep the old one; servers open it again. Tables may have grown.
///
/// Rows that changed without being touched since that file was written would be missed: clear marks only once it is
/// written, and keep one file a table.
/// Errors: as write_table_file(); invalid_argument when the file holds other tables, or the same ones in another shape
/// or coding; corrupt_file when the file is damaged: its checksums are verified first.
ROWPOOL_API Status refresh_table_file(const std::string& path, std::span<const ServedTable> tables,
                                      const Workers& workers = {});

}  // namespace rowpool::train
