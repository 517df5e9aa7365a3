// The size of this machine's memory, and shared read-only bytes.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <memory>
#include <span>

namespace rowpool::tools {

/// The physical memory of this machine in bytes.
inline std::size_t physical_memory() {
    return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Read-only bytes and the owner that keeps them alive: a mapping or a buffer.
struct SharedBytes {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
};

}  // namespace rowpool::tools
