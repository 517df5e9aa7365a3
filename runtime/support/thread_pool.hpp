// Threads of our own, and loops that are shared out among them. Not oneTBB's, because those do not survive a fork, may
// be limited by others in the process, and say so on stderr.
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

/// Loops of any number of callers at once run on their threads and on those of the pool that are free. A caller waits
/// for nothing but bodies of its own loop that have begun, so it may hold any lock that they do not take. No loop
/// allocates.
class ThreadPool {
public:
    /// A pool with which a caller has so many threads, its own included; fewer when the system refuses one.
    explicit ThreadPool(std::size_t threads);
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    /// Waits for its threads, which must have no loop left. Not to be called where is_here() is false.
    ~ThreadPool();

    /// The threads that work on a loop, its caller included.
    std::size_t threads() const noexcept { return threads_.size() + 1; }

    /// Whether this process made it. A child of fork can only leave the pool of its parent alone: see fork_number().
    bool is_here() const noexcept { return fork_number_ == fork_number(); }

    /// Calls body(i) for i in [0, count), begun in that order. When bodies throw, those not begun are left out, and
    /// what the lowest i threw is thrown again: which that is does not depend on the threads.
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
        std::atomic<std::size_t> next = 0;     ///< the first that has not begun
        std::atomic<std::size_t> helpers = 0;  ///< threads of the pool in it; changed under the lock
        std::size_t wanted = 0;                ///< threads that are still worth waking
        std::exception_ptr failure = nullptr;  ///< that of the lowest i
        std::size_t failed = 0;                ///< that i
        Loop* after = nullptr;                 ///< in the list of loops
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
    std::condition_variable wake_;    ///< for threads that sleep
    std::condition_variable closed_;  ///< for callers that wait for helpers
    Loop* loops_ = nullptr;           ///< that are open, the newest first
    std::atomic<std::size_t> opened_ = 0;
    std::size_t sleeping_ = 0;
    std::size_t wakes_ = 0;  ///< threads that have been woken and still count as sleeping
    bool ends_ = false;
    unsigned fork_number_ = fork_number();
    std::vector<std::thread> threads_;
};

}  // namespace rowpool::support
