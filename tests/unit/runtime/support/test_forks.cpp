// Forks while the parent serves: children pool with all threads, with engines of their own and with inherited ones, and
// none of them hangs. ROWPOOL_TEST_FORKS says how many; 300 without it.
#include <doctest/doctest.h>

#include <oneapi/tbb/task_arena.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "rowpool/engine.hpp"
#include "support/parallel.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

constexpr std::size_t kThreads = 3;

int forks_to_try() {
    const char* const given = std::getenv("ROWPOOL_TEST_FORKS");
    return given != nullptr ? std::atoi(given) : 300;
}

std::size_t threads_of_process() {
    using Entries = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(Entries("/proc/self/task"), Entries()));
}

/// A call that is worth several threads, and what comes of it.
struct Call {
    MadeTable made;
    Table table;
    ReferenceBags bags;
    std::vector<float> expected;

    Call() : made(make()), table(table_of(made)) {
        Random random(8);
        bags = make_bags(random, std::vector<std::size_t>(400, 10), made.rows, 0);
        expected = pooled(table, fixed(), {.mode = Pooling::sum});
    }
    static MadeTable make() {
        Random random(7);
        return make_table(random, RowFormat::f32, 500, 64, 0, Values::tame);
    }
    Bags fixed() const { return Bags::fixed(bags.indices, 400, 10); }
    bool is_right(const Engine& engine, std::vector<float>& out) const {
        return engine.pool(table, fixed(), {.mode = Pooling::sum}, out) && out == expected;
    }
};

/// Callers that use an engine all the time. They serve when the constructor returns: what threads allocate in their
/// first calls is over, because a child inherits the locks of a sanitizer's allocator as they are.
class Callers {
public:
    Callers(const Engine& engine, const Call& call) {
        for (std::thread& thread : threads_) {
            thread = std::thread([&] {
                std::vector<float> out(call.expected.size());
                while (!done_) {
                    wrong_ += call.is_right(engine, out) ? 0u : 1u;
                    ++calls_;
                }
            });
        }
        while (calls_ < 200) std::this_thread::yield();
    }
    ~Callers() {
        done_ = true;
        for (std::thread& thread : threads_) thread.join();
    }
    std::size_t wrong() const { return wrong_; }

private:
    std::atomic<bool> done_ = false;
    std::atomic<std::size_t> calls_ = 0;
    std::atomic<std::size_t> wrong_ = 0;
    std::thread threads_[2];
};

/// How a child ended: its status, or that it hangs.
std::string end_of_child(pid_t child) {
    for (int tries = 0; tries < 60000; ++tries) {
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) {
            return WIFEXITED(status) ? "status " + std::to_string(WEXITSTATUS(status)) : "a signal";
        }
        std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return "it hangs";
}

std::string in_child(const std::function<int()>& work) {
    const pid_t child = fork();
    if (child == 0) _exit(work());
    return child < 0 ? "no child" : end_of_child(child);
}

TEST_CASE("children of a process that serves pool with all threads") {
    const Call call;
    const Engine engine({.threads = kThreads});
    tbb::task_arena arena(2);
    const Engine borrowing(arena);
    const Callers callers(engine, call), callers_in_arena(borrowing, call);
    std::vector<float> out(call.expected.size());
    const int forks = forks_to_try();
    for (int i = 0; i < forks; ++i) {
        const std::string end = in_child([&] {
            if (!call.is_right(engine, out)) return 1;
            if (engine.threads() != kThreads || threads_of_process() != kThreads) return 2;
            const Engine own({.threads = kThreads});
            if (!call.is_right(own, out)) return 3;
            if (own.threads() != kThreads || threads_of_process() != 2 * kThreads - 1) return 4;
            if (!call.is_right(borrowing, out) || borrowing.threads() != 1) return 5;
            std::atomic<std::size_t> sum = 0;
            support::parallel_for(100, [&](std::size_t n) { sum += n; });
            return sum == 4950 ? 0 : 6;
        });
        REQUIRE_MESSAGE(end == "status 0", "fork ", i, ": ", end);
    }
    CHECK(callers.wrong() == 0);
    CHECK(callers_in_arena.wrong() == 0);
    MESSAGE(forks, " forks");
}

TEST_CASE("children of children, and engines that end in them") {
    const Call call;
    std::vector<float> out(call.expected.size());
    auto engine = std::make_unique<Engine>(EngineOptions{.threads = kThreads});
    REQUIRE(call.is_right(*engine, out));
    const std::string end = in_child([&] {
        const bool right = call.is_right(*engine, out);
        const std::string end_of_grandchild = in_child([&] {
            const bool still_right = call.is_right(*engine, out) && engine->threads() == kThreads;
            engine.reset();
            return still_right && threads_of_process() == 1 ? 0 : 1;
        });
        return right && end_of_grandchild == "status 0" ? 0 : 1;
    });
    CHECK(end == "status 0");
    CHECK(in_child([&] { return engine.reset(), 0; }) == "status 0");  // without a call before
    CHECK(call.is_right(*engine, out));
}

}  // namespace
}  // namespace rowpool::test
