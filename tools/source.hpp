// What `convert` reads: tables of any input format behind one interface.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/file.hpp"
#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::tools {

/// One table of an input file. Immutable once made.
class Source {
public:
    Source(std::string file, NewTable description) : file_(std::move(file)), description_(std::move(description)) {}
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// The input file, as the command line names it.
    const std::string& file() const { return file_; }
    /// The table as it would be written unchanged: shape.format is that of the tables that read() returns.
    const NewTable& description() const { return description_; }
    /// Error figures that the input file records.
    virtual std::optional<ErrorFigures> error() const { return {}; }

    /// Rows [first, first + count). They lie in the input or in `buffer`, and last until that changes.
    /// Fails naming file and row. Thread safety: any number of threads, each with its own buffer.
    virtual Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const = 0;

private:
    std::string file_;
    NewTable description_;
};

using Sources = std::vector<std::unique_ptr<Source>>;

/// The tables of a file, whose format is told by its first bytes or its extension; what is of none is word-vector text.
Sources open_sources(const std::string& path);

/// One reader a format; each fails with a line that names the file and the place in it.
Sources open_fasttext_source(MappedFile file);
Sources open_npy_source(MappedFile file);
Sources open_onnx_sources(MappedFile file);
Sources open_table_sources(const std::string& path);
Sources open_text_source(MappedFile file);
Sources open_word2vec_source(MappedFile file);

/// Whether the bytes begin as a fastText model does. No text begins so.
bool is_fasttext(std::span<const std::byte> bytes);
/// Whether the bytes begin as word2vec's binary files do: with the header of its text, but what follows is no text.
bool is_word2vec(std::span<const std::byte> bytes);

/// The name of the one table in a file that does not name it: the file's own, without folder and extension.
std::string table_name_of(const std::string& path);
/// The path without its folder: what a table file records as the origin of a table.
std::string file_name_of(const std::string& path);
/// Refuses what no table can be. `path` starts the error.
void check_dim(const std::string& path, std::size_t dim);

}  // namespace rowpool::tools
