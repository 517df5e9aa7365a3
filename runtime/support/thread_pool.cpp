// The pool keeps a list of open loops; free threads take the next iterations from them.
#include "support/thread_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <cfenv>
#include <csignal>
#include <utility>

namespace rowpool::support {
namespace {

/// How often a thread polls before it sleeps: waking a thread takes longer than the gap between two consecutive calls.
constexpr int kLooks = 200;

/// Polls a condition for a short time, yielding the core between polls.
template <class Condition>
bool comes_soon(const Condition& is_true) noexcept {
    for (int i = 0; i < kLooks; ++i) {
        if (is_true()) return true;
        std::this_thread::yield();
    }
    return is_true();
}

/// While it lives, threads that the calling thread creates have all signals blocked except synchronous ones (such as
/// SIGSEGV): signals are for the application's threads.
class NoSignals {
public:
    NoSignals() noexcept {
        sigset_t all;
        sigfillset(&all);
        for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) sigdelset(&all, own);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;
    ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_ = {};
};

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
    if (threads < 2) return;
    threads_.reserve(threads - 1);
    make_threads(threads - 1);
}

void ThreadPool::make_threads(std::size_t count) {
    const NoSignals no_signals;
    try {
        while (threads_.size() < count) threads_.emplace_back([this] { serve(); });
    } catch (...) {  // the system's limit is reached: go on with fewer threads
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
        ++opened_;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(Loop& loop) {
    const bool is_shared = loop.count > 1 && !threads_.empty();
    if (is_shared) open(loop);
    take_turns(loop);
    if (is_shared) close(loop);
    if (loop.failure) std::rethrow_exception(std::exchange(loop.failure, nullptr));
}

void ThreadPool::take_turns(Loop& loop) noexcept {
    std::size_t i = loop.next++;
    try {
        for (; i < loop.count; i = loop.next++) loop.body(loop.context, i);
    } catch (...) {
        loop.next = loop.count;
        const std::lock_guard lock(mutex_);
        if (loop.failure && loop.failed < i) return;
        loop.failure = std::current_exception();
        loop.failed = i;
    }
}

void ThreadPool::open(Loop& loop) {
    const std::lock_guard lock(mutex_);
    loop.wanted = std::min(loop.count - 1, threads_.size());
    loop.after = std::exchange(loops_, &loop);
    opened_.fetch_add(1, std::memory_order_relaxed);
    wake_for(loop);
}

/// Removes a loop from the list, and waits for the threads that are in it.
void ThreadPool::close(Loop& loop) {
    {
        const std::lock_guard lock(mutex_);
        Loop** link = &loops_;
        while (*link != &loop) link = &(*link)->after;
        *link = loop.after;
    }
    const auto is_left = [&] { return loop.helpers.load(std::memory_order_acquire) == 0; };
    if (comes_soon(is_left)) return;
    std::unique_lock lock(mutex_);
    closed_.wait(lock, is_left);
}

/// Wakes two threads, which wake others in turn: a thread that woke all others would be late for its own work.
void ThreadPool::wake_for(Loop& loop) {
    const std::size_t woken = std::min({std::size_t{2}, loop.wanted, sleeping_ - wakes_});
    loop.wanted -= woken;
    wakes_ += woken;
    for (std::size_t i = 0; i < woken; ++i) wake_.notify_one();
}

/// An open loop that has work left.
ThreadPool::Loop* ThreadPool::find_loop() const noexcept {
    Loop* loop = loops_;
    while (loop != nullptr && loop->next.load(std::memory_order_relaxed) >= loop->count) loop = loop->after;
    return loop;
}

void ThreadPool::serve() noexcept {
    std::fesetenv(FE_DFL_ENV);  // results must not depend on the environment of the thread that created the pool
    pthread_setname_np(pthread_self(), "rowpool");
    std::unique_lock lock(mutex_);
    while (!ends_) {
        if (Loop* const loop = find_loop()) {
            help(*loop, lock);
        } else {
            wait_for_loop(lock);
        }
    }
}

void ThreadPool::help(Loop& loop, std::unique_lock<std::mutex>& lock) noexcept {
    loop.helpers.fetch_add(1, std::memory_order_relaxed);
    wake_for(loop);
    lock.unlock();
    take_turns(loop);
    lock.lock();
    // The caller may see this at once and destroy the loop.
    if (loop.helpers.fetch_sub(1, std::memory_order_release) == 1) closed_.notify_all();
}

void ThreadPool::wait_for_loop(std::unique_lock<std::mutex>& lock) noexcept {
    const std::size_t seen = opened_.load(std::memory_order_relaxed);
    lock.unlock();
    const bool has_come = comes_soon([&] { return opened_.load(std::memory_order_relaxed) != seen; });
    lock.lock();
    if (has_come || ends_ || find_loop() != nullptr) return;
    ++sleeping_;
    wake_.wait(lock, [&] { return wakes_ > 0 || ends_; });
    --sleeping_;
    if (wakes_ > 0) --wakes_;
}

}  // namespace rowpool::support
