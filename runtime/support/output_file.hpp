// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// A new file under a temporary identity in the folder of `path`; commit() puts it in the place of `path` at once.
/// Destroyed without commit() it leaves nothing behind, and what stood at `path` before is untouched. A symbolic link
/// at `path` stays; what it leads to is replaced. The new file has the permissions of any new file. Not thread safe.
class OutputFile {
public:
    /// Errors: io_error, for example when the folder does not exist or cannot be read and written, or when what stands
    /// at `path` is no regular file.
    static Result<OutputFile> create(const std::string& path);

    OutputFile(OutputFile&&) noexcept;
    OutputFile& operator=(OutputFile&&) noexcept;
    ~OutputFile();

    /// Writes all bytes at `offset`, growing the file. Error: io_error, for example no space on the device.
    Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    /// A path under which what was written so far can be opened for reading, valid until commit().
    const std::string& readable_path() const noexcept;
    /// Syncs the file, renames it to `path` and syncs the folder. Nothing can be written afterwards. Error: io_error;
    /// `path` is then as it was, unless it was the folder that could not be synced: then the new file is there.
    Status commit();

private:
    struct State;
    explicit OutputFile(std::unique_ptr<State> state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace rowpool::support
