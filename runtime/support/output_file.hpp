// A file that appears complete or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// A new unnamed or temporary file in the folder of `path`; commit() atomically replaces `path` with it. Destroyed
/// without commit(), it leaves nothing behind, and `path` is unchanged. A symbolic link at `path` is kept, and its
/// target is replaced. The new file has default permissions. Not thread safe.
class OutputFile {
public:
    /// Errors: io_error, for example when the folder does not exist or cannot be read and written, or when `path`
    /// exists and is not a regular file.
    static Result<OutputFile> create(const std::string& path);

    OutputFile(OutputFile&&) noexcept;
    OutputFile& operator=(OutputFile&&) noexcept;
    ~OutputFile();

    /// Writes all bytes at `offset`, growing the file. Error: io_error, for example no space on the device.
    Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    /// A path under which the file can be opened for reading, valid until commit().
    const std::string& readable_path() const noexcept;
    /// Syncs the file, renames it to `path` and syncs the folder. Nothing can be written afterwards. Error: io_error;
    /// `path` is then unchanged, except when syncing the folder failed: then the new file is in place.
    Status commit();

private:
    struct State;
    explicit OutputFile(std::unique_ptr<State> state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace rowpool::support
