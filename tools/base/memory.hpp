// The memory of this machine, and bytes in it that several owners share.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <memory>
#include <span>

namespace rowpool::tools {

/// Bytes of memory that this machine has, in use or not.
inline std::size_t physical_memory() {
    return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Read-only bytes and whatever keeps them where they are: a mapping or a buffer.
struct SharedBytes {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
};

}  // namespace rowpool::tools
