// Caches that are not ours: memory that is written between two lookups, as a server's dense network does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "bench/measure/huge_buffer.hpp"

namespace rowpool::bench {

/// Memory that nothing looks up. Not thread safe.
class OtherMemory {
public:
    /// So many bytes, rounded up to whole words, for each of so many threads, of which there is one at least. Throws
    /// TooLittleMemory.
    explicit OtherMemory(std::size_t bytes, std::size_t threads = 1);

    /// None, which is written in no time.
    OtherMemory() : OtherMemory(0) {}

    /// Reads and writes all of it, each thread its own part: every core has caches of its own. Mere stores may go past
    /// them. Without bytes it does nothing.
    void write() const;

    /// What write() adds one to.
    std::span<std::uint64_t> words() const noexcept;

private:
    std::optional<HugeBuffer> buffer_;
    std::size_t threads_;
};

}  // namespace rowpool::bench
