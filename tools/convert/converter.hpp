// Converts the rows of one table from a source into a table file, in blocks and on all cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rowpool/table_file_writer.hpp"
#include "rowpool/types.hpp"
#include "tools/base/progress.hpp"
#include "tools/convert/drop_behind.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The description of a table that the writer needs before its rows.
NewTable describe_target(const Source& source, RowCoding coding);

/// What happens to a row that the format cannot represent; see rowpool::quantize_rows.
enum class OnBadRow : std::uint8_t {
    fail,  ///< the conversion fails and names the row
    f16,   ///< the whole table is stored as f16; decided beforehand, by find_bad_row()
    zero,  ///< the row is stored as zeros, and counted
};
std::optional<OnBadRow> parse_on_bad_row(std::string_view name) noexcept;

/// The reason why `coding` cannot represent the first bad row; nothing when it can represent all rows. Reads all rows,
/// and passes them to `behind`. Returns at once when the source already has the format.
std::optional<std::string> find_bad_row(const Source& source, RowCoding coding, DropBehind& behind);

struct WrittenRows {
    std::optional<ErrorMetrics> error;  ///< relative to the source; for copied rows, what the source records
    std::size_t zeroed = 0;             ///< bad rows that became zeros
};

/// Appends all rows of the source in `coding`, a few MiB at a time, and passes the rows read to `behind`. Rows that
/// already have the format are copied unchanged.
WrittenRows write_rows(const Source& source, RowCoding coding, OnBadRow on_bad_row, TableFileWriter& writer,
                       DropBehind& behind, Progress& progress);

}  // namespace rowpool::tools
