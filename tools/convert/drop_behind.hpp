// Keeps a large input from evicting everything else from the page cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// Follows a pass over mapped input and drops what was read from the page cache, if the input is larger than half of
/// the machine's memory: it would not stay until the next pass, and would evict what is in use, such as the tables that
/// a server has mapped. A smaller input stays. Not thread safe.
class DropBehind {
public:
    /// For a pass over that many bytes of input, on a machine with that much memory.
    explicit DropBehind(std::uint64_t input_bytes, std::uint64_t memory = physical_memory())
        : drops_(input_bytes > memory / 2) {}

    /// Call when the pass is done with these bytes, which may follow those of the last call or lie elsewhere; they stay
    /// readable.
    void passed(std::span<const std::byte> bytes);

private:
    bool drops_;
    std::span<const std::byte> behind_;  // read, and not dropped yet
};

}  // namespace rowpool::tools
