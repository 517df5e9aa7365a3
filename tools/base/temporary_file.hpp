// Bytes that are too many for memory and of no use to anybody else: a file without a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// A file in TMPDIR, or else /var/tmp, that no other program sees and that is gone with its last user, even when that
/// is killed. Written front to back, then mapped. Not thread safe.
class TemporaryFile {
public:
    /// Fails when the folder has less room than `bytes`, or no file can be made in it.
    explicit TemporaryFile(std::uint64_t bytes);
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile();

    /// Fails with the system's reason, for example no space on the device.
    void append(std::span<const std::byte> bytes);
    /// All that was appended. It lasts beyond this object.
    SharedBytes map() const;

private:
    int descriptor_ = -1;
};

}  // namespace rowpool::tools
