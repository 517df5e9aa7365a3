// Caches that are not ours: memory that is written between two lookups, as a server's dense network does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// Memory that nothing looks up. Not thread safe.
class OtherMemory {
public:
    /// None, which is written in no time.
    OtherMemory() = default;

    /// So many bytes, rounded up to whole words, for each of so many threads, of which there is one at least. Refuses
    /// more than half of this machine's memory with out_of_memory: the system would promise them, and end the process
    /// when they are written.
    static Result<OtherMemory> create(std::size_t bytes, std::size_t threads = 1);

    /// Reads and writes all of it, each thread its own part: every core has caches of its own. Mere stores may go past
    /// them.
    void write();

    /// What write() adds one to.
    std::span<const std::uint64_t> words() const noexcept { return words_; }

private:
    OtherMemory(std::size_t words, std::size_t threads) : words_(words * threads), threads_(threads) {}

    std::vector<std::uint64_t> words_;
    std::size_t threads_ = 1;
};

}  // namespace rowpool::support
