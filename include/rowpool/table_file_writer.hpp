// Writing table files (docs/FORMAT.md) from rows that are already in a row format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool {

/// What a writer must know about a table before its rows arrive.
struct NewTable {
    std::string name;         ///< UTF-8, not empty, without control characters, no leading "__"
    TableShape shape;         ///< row_stride must be 0: rows are written without gaps
    std::string source = {};  ///< bytes that are not UTF-8 in source and quantization are written as U+FFFD
    std::string quantization = {};
    /// Names joined by newlines, one per id, or empty; any bytes but newlines. The caller's memory, read only by
    /// TableFileWriter::create().
    std::string_view row_names = {};
    /// Where ids are not rows: the row of each id, or -1 for a pruned one; see Table::view(). The caller's memory, read
    /// only by TableFileWriter::create(). Empty when ids are rows.
    std::span<const std::int32_t> remap = {};
    std::optional<std::size_t> hot_rows = {};  ///< recorded as TableFile::hot_rows(); at most shape.rows

    /// As Table::num_ids().
    std::size_t num_ids() const noexcept { return remap.empty() ? shape.rows : remap.size(); }
};

/// Whether a table file can have a table of this name: ok, or invalid_argument with the reason (NewTable::name).
ROWPOOL_API Status check_table_name(std::string_view name);

/// Writes a table file: first all shapes, then the rows of each table in order, then finish(). The complete file
/// appears at its path when finish() succeeds, otherwise nothing does. Not thread safe; hashing runs on the calling
/// thread.
class ROWPOOL_API TableFileWriter {
public:
    /// Errors: invalid_argument (no tables, duplicate or unusable names, a bad shape, a remap entry that is not a row,
    /// a number of names other than one per id, more hot rows than rows), io_error.
    static Result<TableFileWriter> create(const std::string& path, std::vector<NewTable> tables);

    TableFileWriter(TableFileWriter&&) noexcept;
    TableFileWriter& operator=(TableFileWriter&&) noexcept;
    ~TableFileWriter();

    /// Appends whole rows to the current table; the next table begins when this one has all its rows.
    /// Errors: invalid_argument when the bytes are not whole rows or are more than the table still lacks; io_error.
    Status append(std::span<const std::byte> rows);
    /// Records how far the table at that position, below the number of tables, is from its source. May be called until
    /// finish(). Metrics that are NaN, infinite or negative are not recorded: the format does not allow them.
    void set_error(std::size_t table, const ErrorMetrics& error);
    /// Writes checksums and header, syncs, verifies the whole file and moves it into place.
    /// Errors: invalid_argument when rows are missing; io_error; corrupt_file when the file does not read back as it
    /// was written.
    Status finish();

private:
    struct ROWPOOL_LOCAL State;
    ROWPOOL_LOCAL explicit TableFileWriter(std::unique_ptr<State> state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace rowpool
