// Keeps an input that is large beside the memory of the machine from pushing all else out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// Behind a pass over mapped input, takes what was read out of memory again: an input of more than half of the
/// machine's memory would not stay there until the next pass, and would push out what does, such as the tables that a
/// server has mapped. A smaller one stays. Not thread safe.
class DropBehind {
public:
    /// For a pass over so many bytes of input, on a machine with so many bytes of memory.
    explicit DropBehind(std::uint64_t input_bytes, std::uint64_t memory = physical_memory())
        : drops_(input_bytes > memory / 2) {}

    /// The pass is done with these bytes, which follow those of the last call or lie elsewhere; they stay readable.
    void passed(std::span<const std::byte> bytes);

private:
    bool drops_;
    std::span<const std::byte> behind_;  // passed, and not dropped yet
};

}  // namespace rowpool::tools
