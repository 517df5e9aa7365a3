// Open loops: the law of the arrivals, latencies that count the wait, and percentiles.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "bench/measure/percentile.hpp"
#include "bench/workloads/open_loop.hpp"

namespace rowpool::test {

using bench::percentile;
using bench::poisson_arrivals;
using bench::run_open_loop;

TEST_CASE("gaps between arrivals are exponential") {
    constexpr std::size_t kCount = 100000;
    constexpr double kRate = 250;
    const std::vector<double> arrivals = poisson_arrivals(kCount, kRate, 3);
    CHECK(std::ranges::is_sorted(arrivals));
    // the sum of n gaps has a deviation of sqrt(n) gaps
    CHECK(arrivals.back() * kRate == doctest::Approx(kCount).epsilon(5 / std::sqrt(kCount)));
    int above_mean = 0;
    for (std::size_t i = 1; i < kCount; ++i) above_mean += arrivals[i] - arrivals[i - 1] > 1 / kRate ? 1 : 0;
    CHECK(static_cast<double>(above_mean) / kCount == doctest::Approx(std::exp(-1.0)).epsilon(0.02));
    CHECK(poisson_arrivals(10, kRate, 3)[9] == arrivals[9]);
    CHECK(poisson_arrivals(10, kRate, 4)[9] != arrivals[9]);
}

TEST_CASE("a request that waits for the one before it has waited") {
    constexpr auto kService = std::chrono::milliseconds(2);
    const std::vector<double> arrivals(10, 0.0);
    const std::vector<double> latencies =
        run_open_loop(arrivals, 1, [&](std::size_t, std::size_t) { std::this_thread::sleep_for(kService); });
    REQUIRE(latencies.size() == arrivals.size());
    for (std::size_t i = 0; i < latencies.size(); ++i) {
        CAPTURE(i);
        CHECK(latencies[i] >= 0.002 * static_cast<double>(i + 1));
    }
}

TEST_CASE("no request is served before it is due, and each once") {
    constexpr std::size_t kCallers = 3;
    const std::vector<double> arrivals = poisson_arrivals(200, 10000, 5);
    std::vector<std::atomic<int>> served(arrivals.size());
    std::atomic<std::size_t> highest_caller = 0;
    const auto start = std::chrono::steady_clock::now();
    std::vector<double> begun(arrivals.size());
    const std::vector<double> latencies = run_open_loop(arrivals, kCallers, [&](std::size_t caller, std::size_t i) {
        begun[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        ++served[i];
        if (caller > highest_caller) highest_caller = caller;
    });
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        CAPTURE(i);
        CHECK(served[i] == 1);
        CHECK(begun[i] >= arrivals[i]);
        CHECK(latencies[i] >= 0);
    }
    CHECK(highest_caller < kCallers);
}

TEST_CASE("percentiles are values that were seen") {
    const std::vector<double> values = {5, 1, 4, 2, 3, 6, 10, 9, 8, 7};
    CHECK(percentile(values, 0.5) == 5);
    CHECK(percentile(values, 0.9) == 9);
    CHECK(percentile(values, 0.91) == 10);
    CHECK(percentile(values, 1) == 10);
    CHECK(percentile(values, 1e-9) == 1);
    CHECK(percentile({7}, 0.999) == 7);
}

}  // namespace rowpool::test
