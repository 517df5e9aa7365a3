// Caches that are not ours: memory that is written between two lookups, as a server's dense network does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/status.hpp"

namespace rowpool::exec {

/// Memory that nothing looks up. Not thread safe.
class OtherMemory {
public:
    /// So many bytes, rounded up to whole words. Refuses more than half of this machine's memory with out_of_memory:
    /// the system would promise them, and end the process when they are written.
    static Result<OtherMemory> create(std::size_t bytes);

    /// Reads and writes all of it; mere stores may go past the caches.
    void write() noexcept;

    /// What write() adds one to.
    std::span<const std::uint64_t> words() const noexcept { return words_; }

private:
    explicit OtherMemory(std::size_t words) : words_(words) {}

    std::vector<std::uint64_t> words_;
};

}  // namespace rowpool::exec
