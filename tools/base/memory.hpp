// The size of this machine's memory, and shared read-only bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "support/usable_memory.hpp"

namespace rowpool::tools {

using support::physical_memory;

/// Read-only bytes and the owner that keeps them alive: a mapping or a buffer.
struct SharedBytes {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;
};

}  // namespace rowpool::tools
