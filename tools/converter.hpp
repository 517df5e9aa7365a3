// The rows of one table from a source to a table file, in blocks and on all cores.
#pragma once

#include <optional>

#include "progress.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/types.hpp"
#include "source.hpp"

namespace rowpool::tools {

/// What the writer must know of a table before its rows.
NewTable describe_target(const Source& source, RowCoding coding);

/// Appends all rows of the source in `coding`, a few MiB at a time. Rows that have the format already are copied as
/// they are. Returns how far the new rows are from the source; for copied rows, what the source says of itself.
std::optional<ErrorFigures> write_rows(const Source& source, RowCoding coding, TableFileWriter& writer,
                                       Progress& progress);

}  // namespace rowpool::tools
