// What is read: a table of any input format behind one interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"

namespace rowpool::tools {

/// One table of an input file. Immutable once made.
class Source {
public:
    /// `owner` keeps what the description points to where it is.
    Source(std::string file, NewTable description, std::shared_ptr<const void> owner = {})
        : file_(std::move(file)), description_(std::move(description)), owner_(std::move(owner)) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// The input file, as the command line names it.
    const std::string& file() const { return file_; }
    /// The table as it would be written unchanged: shape.format is that of the tables that read() returns. Its remap
    /// and its row names live as long as the source.
    const NewTable& description() const { return description_; }
    /// Error metrics that the input file records.
    virtual std::optional<ErrorMetrics> error() const { return {}; }

    /// What messages call a row: its number in the input file.
    virtual std::size_t row_number(std::size_t row) const { return row; }
    /// What messages about a row begin with: the input file that it is in.
    virtual std::string file_of_row(std::size_t /*row*/) const { return file_; }

    /// Rows [first, first + count). They lie in the input or in `buffer`, and last until that changes.
    /// Fails naming file and row. Thread safety: any number of threads, each with its own buffer.
    virtual Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const = 0;

private:
    std::string file_;
    NewTable description_;
    std::shared_ptr<const void> owner_;
};

/// The row of an id below NewTable::num_ids(); -1 when it was pruned, or the remap gives it what is no row: as
/// Table::row_of().
inline std::int64_t row_of(const NewTable& table, std::size_t id) {
    const std::int64_t row = table.remap.empty() ? static_cast<std::int64_t>(id) : table.remap[id];
    return row >= 0 && static_cast<std::size_t>(row) < table.shape.rows ? row : -1;
}

using Sources = std::vector<std::unique_ptr<Source>>;

/// The name that a file has before gzip compresses it.
std::string uncompressed_name(const std::string& path);
/// The name of the one table in a file that does not name it: the file's own, without folder, extension and ".gz".
std::string table_name_of(const std::string& path);
/// Opens a table file or any safetensors file; what another file is, and what to do about it, is in the error.
/// `read_ahead` is on for what reads rows in order.
TableFile open_table_file(const std::string& path, ReadAhead read_ahead = ReadAhead::automatic);

/// Whether a file is a safetensors file, or is called so: its own error says more than that it is no table file.
bool is_safetensors_file(const std::string& path);

/// The path without its folder: what a table file records as the origin of a table.
std::string file_name_of(const std::string& path);
/// Refuses what no table can be. `path` starts the error.
void check_dim(const std::string& path, std::size_t dim);

}  // namespace rowpool::tools
