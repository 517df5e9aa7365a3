// How much memory this machine has, and this process can use.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace rowpool::support {

/// Bytes that the cgroups of this process let it use, pages of files included: the smallest of memory.max and
/// memory.high (version 2) or memory.limit_in_bytes (version 1); nothing without a limit. `root` is put before /proc
/// and /sys, for tests.
std::optional<std::size_t> memory_limit(const std::string& root = {});

/// Bytes of memory that this machine has, in use or not.
std::size_t physical_memory() noexcept;

/// The physical memory, and no more than the limit.
std::size_t usable_memory();

}  // namespace rowpool::support
