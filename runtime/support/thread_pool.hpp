// A thread pool for parallel loops. Not oneTBB's threads, because those do not survive a fork, may be limited by other
// code in the process, and cause warnings on stderr.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "support/forks.hpp"

namespace rowpool::support {

/// Any number of callers may run loops at once, each on its own thread and on free threads of the pool. A caller waits
/// only for iterations of its own loop that have started, so it may hold any lock that those do not take. Loops do not
/// allocate.
class ThreadPool {
public:
    /// A pool that gives a caller this many threads, including its own; fewer when the system cannot create one.
    explicit ThreadPool(std::size_t threads);
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    /// Joins the threads; no loop may be open. Must not run in a process in which is_here() is false.
    ~ThreadPool();

    /// The number of threads that work on a loop, including its caller.
    std::size_t threads() const noexcept { return threads_.size() + 1; }

    /// Whether this process created the pool. A child of fork() must not use its parent's pool: see fork_number().
    bool is_here() const noexcept { return fork_number_ == fork_number(); }

    /// Calls body(i) for i in [0, count), started in that order. When an iteration throws, those not yet started are
    /// skipped, and the exception of the lowest i is rethrown, whatever the timing of threads.
    template <class Body>
    void for_each(std::size_t count, const Body& body) {
        Loop loop{[](const void* context, std::size_t i) { (*static_cast<const Body*>(context))(i); }, &body, count};
        run(loop);
    }

private:
    struct Loop {
        void (*body)(const void* context, std::size_t i);
        const void* context;
        std::size_t count;
        std::atomic<std::size_t> next = 0;     ///< the first iteration that has not started
        std::atomic<std::size_t> helpers = 0;  ///< threads of the pool in the loop; changed under the lock
        std::size_t wanted = 0;                ///< threads that should still be woken
        std::exception_ptr failure = nullptr;  ///< of the lowest i that threw
        std::size_t failed = 0;                ///< the lowest i that threw
        Loop* after = nullptr;                 ///< next in the list of loops
    };

    void run(Loop& loop);
    void take_turns(Loop& loop) noexcept;
    void open(Loop& loop);
    void close(Loop& loop);
    void wake_for(Loop& loop);
    Loop* find_loop() const noexcept;
    void serve() noexcept;
    void help(Loop& loop, std::unique_lock<std::mutex>& lock) noexcept;
    void wait_for_loop(std::unique_lock<std::mutex>& lock) noexcept;
    void make_threads(std::size_t count);

    std::mutex mutex_;
    std::condition_variable wake_;    ///< for sleeping threads
    std::condition_variable closed_;  ///< for callers that wait for helpers to leave
    Loop* loops_ = nullptr;           ///< open loops, the newest first
    std::atomic<std::size_t> opened_ = 0;
    std::size_t sleeping_ = 0;
    std::size_t wakes_ = 0;  ///< threads that have been woken but still count as sleeping
    bool ends_ = false;
    unsigned fork_number_ = fork_number();
    std::vector<std::thread> threads_;
};

}  // namespace rowpool::support
