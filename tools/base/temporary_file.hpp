// An unnamed temporary file, for data that may not fit in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "support/descriptor.hpp"
#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// A file in TMPDIR, or else /var/tmp, that no other program sees and that vanishes with its last user, even if that is
/// killed. Written front to back, then mapped. Not thread safe.
class TemporaryFile {
public:
    /// Fails when the file system has less room than `bytes`, or no file can be created.
    explicit TemporaryFile(std::uint64_t bytes);

    /// Fails when the folder has less room than for so many more bytes.
    void require_room(std::uint64_t bytes) const;
    /// Fails with the text of errno, for example no space on the device.
    void append(std::span<const std::byte> bytes);
    /// All bytes that were appended. They outlive this object.
    SharedBytes map() const;
    /// What it can be opened by as long as this object lives.
    std::string readable_path() const;

private:
    support::Descriptor file_;
};

}  // namespace rowpool::tools
