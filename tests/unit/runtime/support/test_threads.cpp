// Threads: loops run on all of a pool, whatever their bodies do; engines work with the threads that they can get, and
// count cores as the system gives them.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <stdexcept>

#include "rowpool/engine.hpp"
#include "support/cores.hpp"
#include "support/parallel.hpp"
#include "support/thread_pool.hpp"
#include "tests/support/files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

TEST_CASE("every body of a loop runs once, on all threads at once") {
    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{9}}) {
        support::ThreadPool pool(threads);
        REQUIRE(pool.threads() == threads);
        for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
            std::vector<std::atomic<int>> runs(count);
            pool.for_each(count, [&](std::size_t i) { ++runs[i]; });
            CHECK(std::ranges::all_of(runs, [](const std::atomic<int>& times) { return times == 1; }));
        }
        std::atomic<std::size_t> there = 0;
        pool.for_each(threads, [&](std::size_t) {  // ends only when each thread has one
            for (++there; there < threads;) std::this_thread::yield();
        });
        CHECK(there == threads);
    }
}

TEST_CASE("loops of several callers at once, some of them within loops") {
    support::ThreadPool pool(4);
    std::atomic<std::size_t> sum = 0;
    std::vector<std::thread> callers;
    for (int c = 0; c < 5; ++c) {
        callers.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                pool.for_each(3, [&](std::size_t) { pool.for_each(5, [&](std::size_t n) { sum += n; }); });
            }
        });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(sum == std::size_t{5} * 200 * 3 * 10);
}

TEST_CASE("what a body throws comes to the caller, and the pool works on") {
    support::ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) {
        std::atomic<std::size_t> begun = 0;
        CHECK_THROWS_WITH_AS(pool.for_each(1000,
                                           [&](std::size_t n) {
                                               ++begun;
                                               if (n % 7 == 3) throw std::runtime_error("no");
                                           }),
                             "no", std::runtime_error);
        CHECK(begun < 1000);
    }
    std::atomic<std::size_t> sum = 0;
    pool.for_each(10, [&](std::size_t n) { sum += n; });
    CHECK(sum == 45);
}

TEST_CASE("threads of a pool leave signals to others") {
    support::ThreadPool pool(2);
    std::atomic<std::size_t> there = 0, blocking = 0;
    pool.for_each(2, [&](std::size_t) {
        sigset_t blocked;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        blocking += sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGBUS) == 0 ? 1u : 0u;
        for (++there; there < 2;) std::this_thread::yield();
    });
    CHECK(blocking == 1);  // not the caller
}

/// What `work` returns in a child, behind what it writes to its standard error.
std::string in_child(const std::function<std::string()>& work) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(ends[1], 2);
        const std::string text = work();
        _exit(write(ends[1], text.data(), text.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t n = read(ends[0], buffer, sizeof buffer); n > 0; n = read(ends[0], buffer, sizeof buffer)) {
        text.append(buffer, static_cast<std::size_t>(n));
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return text;
}

TEST_CASE("an engine works with the threads that it gets, and says how many") {
    Random random(3);
    const MadeTable made = make_table(random, RowFormat::f32, 500, 64, 0, Values::tame);
    const ReferenceBags bags = make_bags(random, std::vector<std::size_t>(400, 10), made.rows, 0);
    const Table table = table_of(made);
    const auto pool_with = [&](const Engine& engine) {
        std::vector<float> out(400 * 64);
        const PoolStatus status = engine.pool(table, Bags::fixed(bags.indices, 400, 10), {.mode = Pooling::sum}, out);
        return std::to_string(engine.threads()) + ' ' + status.message() + ';';
    };
    CHECK(in_child([&] {
              const Engine few({.threads = 3}), many({.threads = 24});
              return pool_with(few) + pool_with(many);
          }) == "3 ok;24 ok;");
    // The limit of processes does not hold for root, that of addresses does; a few stacks are left over from others.
    const std::string limited = in_child([&] {
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const std::size_t most = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{4} << 20);
        const rlimit limit = {most, most};
        if (setrlimit(RLIMIT_AS, &limit) != 0) return std::string("no limit");
        return pool_with(Engine({.threads = 900}));
    });
    CHECK(limited.ends_with(" ok;"));
    CHECK(limited.size() <= std::string("899 ok;").size());
    CHECK(limited != "900 ok;");
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

TEST_CASE("the quota of a cgroup of version 2, and of those that it is in") {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    CHECK(!support::cpu_quota(root.string()));
    write_file(root / "proc/self/cgroup", "0::/shop/search\n");
    CHECK(!support::cpu_quota(root.string()));
    write_file(root / "sys/fs/cgroup/shop/search/cpu.max", "max 100000\n");
    CHECK(!support::cpu_quota(root.string()));
    write_file(root / "sys/fs/cgroup/shop/cpu.max", "250000 100000\n");
    CHECK(support::cpu_quota(root.string()) == 2.5);
    write_file(root / "sys/fs/cgroup/shop/search/cpu.max", "50000 100000\n");
    CHECK(support::cpu_quota(root.string()) == 0.5);
    write_file(root / "sys/fs/cgroup/cpu.max", "10000 100000\n");
    CHECK(support::cpu_quota(root.string()) == 0.1);
    for (const char* damaged : {"", "x 100000", "50000", "50000 0", "-1 100000", "nan nan"}) {
        write_file(root / "sys/fs/cgroup/cpu.max", damaged);
        CHECK_MESSAGE(support::cpu_quota(root.string()) == 0.5, damaged);
    }
}

TEST_CASE("the quota of a cgroup of version 1") {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path(), cpu = root / "sys/fs/cgroup/cpu,cpuacct";
    write_file(root / "proc/self/cgroup", "12:cpuset:/a\n4:cpu,cpuacct:/docker/1234\n1:name=systemd:/b\n0::/\n");
    write_file(cpu / "cpu.cfs_quota_us", "-1\n");
    write_file(cpu / "cpu.cfs_period_us", "100000\n");
    CHECK(!support::cpu_quota(root.string()));
    write_file(cpu / "cpu.cfs_quota_us", "150000\n");  // that of a container, whose path is one outside
    CHECK(support::cpu_quota(root.string()) == 1.5);
    write_file(root / "proc/self/cgroup", "4:cpuacct,cpu:/docker/1234\n");
    write_file(root / "sys/fs/cgroup/cpu/docker/1234/cpu.cfs_quota_us", "50000\n");
    write_file(root / "sys/fs/cgroup/cpu/docker/1234/cpu.cfs_period_us", "100000\n");
    CHECK(support::cpu_quota(root.string()) == 0.5);
    write_file(root / "proc/self/cgroup", "nonsense\n1:cpu,cpuacct\n:::\n4:cpuset,cpuacct:/docker/1234\n");
    CHECK(!support::cpu_quota(root.string()));
}

TEST_CASE("cores are those of the affinity mask") {
    cpu_set_t before, one;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&one);
    std::size_t cpu = 0;
    while (!CPU_ISSET(cpu, &before)) ++cpu;
    CPU_SET(cpu, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(support::available_cores() == 1);
    CHECK(Engine().threads() == 1);
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
    CHECK(support::available_cores() >= 1);
    CHECK(support::available_cores() <= static_cast<std::size_t>(CPU_COUNT(&before)));
}

}  // namespace
}  // namespace rowpool::test
