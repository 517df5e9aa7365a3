// Engines in an arena that the application uses for other things: a call never runs another task on the thread that
// waits for it. ROWPOOL_TEST_SECONDS says how long that is tried; 6 without it.
#include <doctest/doctest.h>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "rowpool/engine.hpp"
#include "support/handover.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

Seconds seconds_to_try() {
    const char* const given = std::getenv("ROWPOOL_TEST_SECONDS");
    return Seconds(given != nullptr ? std::atof(given) : 6.0);
}

/// Ends the program when nothing has happened for 20 seconds: threads that hang cannot be joined.
class Watchdog {
public:
    Watchdog() : thread_([this] { watch(); }) {}
    ~Watchdog() {
        done_ = true;
        thread_.join();
    }
    void pat() { ++pats_; }

private:
    void watch() {
        std::size_t seen = 0;
        for (int still = 0; !done_; std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
            still = pats_ == seen ? still + 1 : 0;
            seen = pats_;
            if (still < 200) continue;
            std::fprintf(stderr, "hangs after %zu calls\n", seen);
            std::_Exit(1);
        }
    }

    std::atomic<std::size_t> pats_ = 0;
    std::atomic<bool> done_ = false;
    std::thread thread_;
};

support::Handover handover;  // of jobs; no member, because finding it there is a read

/// Puts jobs whose tasks take a lock into an arena, a few at a time, until it is destroyed.
class Jobs {
public:
    Jobs(tbb::task_arena& arena, std::mutex& mutex) : arena_(arena), mutex_(mutex), thread_([this] { work(); }) {}
    ~Jobs() {
        done_ = true;
        thread_.join();
        while (waiting_ > 0) std::this_thread::yield();
    }
    std::size_t run() const { return run_; }

private:
    void work() {
        while (!done_) {
            if (waiting_ >= 8) {
                std::this_thread::yield();
                continue;
            }
            ++waiting_;
            handover.give();
            arena_.enqueue([this] {
                handover.take();
                take_lock_often();
                --waiting_;
            });
        }
    }

    void take_lock_often() {
        const auto take_lock = [this](int) { const std::lock_guard lock(mutex_); };
        const support::HandedOver handed(take_lock);
        tbb::parallel_for(0, 16, handed);
        handed.take_back();
        ++run_;
    }

    tbb::task_arena& arena_;
    std::mutex& mutex_;
    std::atomic<bool> done_ = false;
    std::atomic<std::size_t> waiting_ = 0;
    std::atomic<std::size_t> run_ = 0;
    std::thread thread_;
};

TEST_CASE("a lock may be held around a call that jobs of the same arena take") {
    Random random(5);
    const MadeTable made = make_table(random, RowFormat::f32, 500, 64, 0, Values::tame);
    const Table table = table_of(made);
    const ReferenceBags bags = make_bags(random, std::vector<std::size_t>(400, 10), made.rows, 0);
    const Bags fixed = Bags::fixed(bags.indices, 400, 10);
    const std::vector<float> expected = pooled(table, fixed, {.mode = Pooling::sum});
    const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 9);  // more than there are cores
    for (const int threads : {2, 3, 8}) {
        tbb::task_arena arena(threads);
        const Engine engine(arena);
        std::mutex mutex;
        Watchdog watchdog;
        std::size_t calls = 0, wrong = 0;
        const Jobs jobs(arena, mutex);
        std::vector<float> out(expected.size());
        for (const auto end = Clock::now() + seconds_to_try() / 3; Clock::now() < end; watchdog.pat(), ++calls) {
            std::this_thread::yield();  // so that the others get the lock, too
            const std::lock_guard lock(mutex);
            wrong += engine.pool(table, fixed, {.mode = Pooling::sum}, out) && out == expected ? 0u : 1u;
        }
        MESSAGE(threads, " threads: ", calls, " calls, ", jobs.run(), " jobs");
        CHECK(wrong == 0);
        CHECK(calls > 0);
    }
}

}  // namespace
}  // namespace rowpool::test
