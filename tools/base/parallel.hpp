// Work on all cores for the commands' own loops; lookups and quantization have the library's engine.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <future>
#include <thread>
#include <vector>

namespace rowpool::tools {

/// Calls work(i) once for each i in [0, count), on all cores. When calls throw, what the lowest i threw is rethrown
/// after all are done, so that the failure reported does not depend on the threads.
template <class Work>
void parallel_for(std::size_t count, const Work& work) {
    std::vector<std::exception_ptr> failures(count);
    std::atomic<std::size_t> next = 0;
    const auto take_turns = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                failures[i] = std::current_exception();
            }
        }
    };
    std::vector<std::future<void>> helpers;
    const std::size_t threads = std::min<std::size_t>(count, std::thread::hardware_concurrency());
    for (std::size_t t = 1; t < threads; ++t) helpers.push_back(std::async(std::launch::async, take_turns));
    take_turns();
    for (std::future<void>& helper : helpers) helper.get();
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

}  // namespace rowpool::tools
