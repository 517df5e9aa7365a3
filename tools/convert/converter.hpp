// The rows of one table from a source to a table file, in blocks and on all cores.
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

/// What the writer must know of a table before its rows.
NewTable describe_target(const Source& source, RowCoding coding);

/// What happens to a row that a format cannot hold; see rowpool::quantize_rows.
enum class OnBadRow : std::uint8_t {
    fail,  ///< the conversion fails and names it
    f16,   ///< the whole table is stored as f16; that is decided before, by find_bad_row()
    zero,  ///< it is stored as zeros, and counted
};
std::optional<OnBadRow> parse_on_bad_row(std::string_view name) noexcept;

/// Why the first row that `coding` cannot hold is one; nothing when it holds all. Reads all rows, leaves them
/// `behind`, and has nothing to do where the source has the format already.
std::optional<std::string> find_bad_row(const Source& source, RowCoding coding, DropBehind& behind);

struct WrittenRows {
    std::optional<ErrorMetrics> error;  ///< how far they are from the source; for copied rows, what that says of itself
    std::size_t zeroed = 0;             ///< bad rows that became zeros
};

/// Appends all rows of the source in `coding`, a few MiB at a time, and leaves them `behind`. Rows that have the format
/// already are copied as they are.
WrittenRows write_rows(const Source& source, RowCoding coding, OnBadRow on_bad_row, TableFileWriter& writer,
                       DropBehind& behind, Progress& progress);

}  // namespace rowpool::tools
