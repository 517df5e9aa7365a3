// Parallel loops: oneTBB's, apart from whatever the caller runs in.
#pragma once

#include <oneapi/tbb/parallel_for.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rowpool {

/// Calls body(i) for i in [0, count), in any order, on the threads of the arena it is called in. The loop has a task
/// group of its own: in one that the caller has cancelled it would end without having done anything.
template <class Body>
void parallel_for(std::size_t count, const Body& body) {
    tbb::task_group_context context(tbb::task_group_context::isolated);
    tbb::parallel_for(std::size_t{0}, count, body, context);
}

/// The smallest number that any thread has noted.
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

}  // namespace rowpool
