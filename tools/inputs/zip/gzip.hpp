// Files that gzip has compressed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "support/mapped_file.hpp"
#include "tools/inputs/zip/inflater.hpp"

namespace rowpool::tools {

/// Whether the bytes begin as gzip's files do.
bool is_gzip(std::span<const std::byte> bytes);

/// What a file of gzip holds, a piece at a time: all its members (RFC 1952), one after the other. Zeros may follow
/// them, as tapes have it. Not thread safe.
class GzipReader {
public:
    explicit GzipReader(support::MappedFile file);

    /// The next piece, as large as the buffer but for the last one; empty at the end. Fails, naming the file and its
    /// byte, where it is cut short or damaged, and where something else follows the last member. Stops when
    /// interrupted.
    std::span<const std::byte> next(std::span<std::byte> buffer);

    /// Bytes of the file that were read.
    std::size_t read() const { return begin_ + inflater_->read(); }

private:
    bool begin_next_member();

    support::MappedFile file_;
    std::size_t begin_ = 0;  // of the member that is read
    std::optional<Inflater> inflater_;
};

}  // namespace rowpool::tools
