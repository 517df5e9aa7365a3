// Parallel loops for callers without an engine, and a minimum that their threads share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "support/cores.hpp"
#include "support/thread_pool.hpp"

namespace rowpool::support {

/// Where part p of `parts` equal parts of [0, count) begins; for p == parts, count.
constexpr std::size_t part_begin(std::size_t count, std::size_t parts, std::size_t p) noexcept {
    return count / parts * p + std::min(count % parts, p);
}

/// Calls body(i) for i in [0, count), started in that order, on the calling thread and on temporary threads, one for
/// each other core, as far as the system can create them. Exceptions as in ThreadPool::for_each().
template <class Body>
void parallel_for(std::size_t count, const Body& body) {
    ThreadPool(count < 2 ? count : std::min(count, available_cores())).for_each(count, body);
}

/// The smallest number that any thread has noted, or kNone.
class Smallest {
public:
    static constexpr std::size_t kNone = SIZE_MAX;

    void note(std::size_t number) noexcept {
        std::size_t seen = value_.load(std::memory_order_relaxed);
        while (number < seen && !value_.compare_exchange_weak(seen, number, std::memory_order_relaxed)) {
        }
    }
    std::size_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::size_t> value_ = kNone;
};

}  // namespace rowpool::support
