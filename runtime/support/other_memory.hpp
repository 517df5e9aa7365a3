// Simulates other users of the caches: memory that is written between two lookups, as a server's dense network does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// A buffer that has no use but to evict tables from the caches. Not thread safe.
class OtherMemory {
public:
    /// An empty buffer; write() does nothing.
    OtherMemory() = default;

    /// `bytes` for each of at least one thread, rounded up to whole words. Error: out_of_memory for more than half of
    /// this machine's memory, which the system would overcommit, killing the process when it is written.
    static Result<OtherMemory> create(std::size_t bytes, std::size_t threads = 1);

    /// Reads and writes all of it, each thread its own part, because each core has private caches. Stores alone could
    /// bypass the caches.
    void write();

    /// The words that write() increments.
    std::span<const std::uint64_t> words() const noexcept { return words_; }

private:
    OtherMemory(std::size_t words, std::size_t threads) : words_(words * threads), threads_(threads) {}

    std::vector<std::uint64_t> words_;
    std::size_t threads_ = 1;
};

}  // namespace rowpool::support
