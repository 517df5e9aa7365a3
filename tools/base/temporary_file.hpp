// An unnamed temporary file, for data that may not fit in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// A file in TMPDIR, or else /var/tmp, that no other program sees and that vanishes with its last user, even if that is
/// killed. Written front to back, then mapped. Not thread safe.
class TemporaryFile {
public:
    /// Fails when the file system has less room than `bytes`, or no file can be created.
    explicit TemporaryFile(std::uint64_t bytes);
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile();

    /// Fails with the text of errno, for example no space on the device.
    void append(std::span<const std::byte> bytes);
    /// All bytes that were appended. They outlive this object.
    SharedBytes map() const;

private:
    int descriptor_ = -1;
};

}  // namespace rowpool::tools
