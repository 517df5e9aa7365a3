// Several variants of the same work, timed in turns.
#include "tools/bench/turns.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "bench/measure/thread_clock.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kRowsBetweenLooks = 4096;  // at the clock, which takes as long as some ten rows
constexpr std::size_t kCallsBetweenLooks = 256;

/// Goes through the calls again and again from `call` on, which is left where the next turn goes on.
double turn(const Variant& variant, std::span<const std::size_t> rows, double seconds, std::size_t& call) {
    const double start = bench::thread_seconds();
    double elapsed = 0;
    std::size_t done = 0;
    while (elapsed < seconds || done == 0) {
        const std::size_t look = done + kRowsBetweenLooks;
        for (std::size_t calls = 0; calls < kCallsBetweenLooks && done < look; ++calls) {
            variant(call);
            done += rows[call];
            call = (call + 1) % rows.size();
        }
        elapsed = bench::thread_seconds() - start;
    }
    return elapsed / static_cast<double>(done);
}

/// As turn(), with something done before each call that does not count.
double turn_of_single_calls(const Variant& variant, std::span<const std::size_t> rows, double seconds,
                            std::size_t& call, const std::function<void()>& before) {
    using Clock = std::chrono::steady_clock;
    using Seconds = std::chrono::duration<double>;
    const Clock::time_point start = Clock::now();
    Seconds elapsed(0);
    std::size_t done = 0;
    while (Clock::now() - start < Seconds(seconds) || done == 0) {
        before();
        const Clock::time_point called = Clock::now();
        variant(call);
        elapsed += Clock::now() - called;
        done += rows[call];
        call = (call + 1) % rows.size();
    }
    return elapsed.count() / static_cast<double>(done);
}

}  // namespace

std::vector<double> time_in_turns(std::span<const Variant> variants, std::span<const std::size_t> rows, double seconds,
                                  const std::function<void()>& before) {
    std::vector<double> medians(variants.size());
    if (std::all_of(rows.begin(), rows.end(), [](std::size_t n) { return n == 0; })) return medians;
    std::vector<std::array<double, kTurns>> times(variants.size());
    std::size_t call = 0;
    for (std::size_t i = 0; i < kTurns; ++i) {
        for (std::size_t variant = 0; variant < variants.size(); ++variant) {
            times[variant][i] = before ? turn_of_single_calls(variants[variant], rows, seconds, call, before)
                                       : turn(variants[variant], rows, seconds, call);
        }
    }
    for (std::size_t variant = 0; variant < variants.size(); ++variant) {
        const auto first = times[variant].begin() + 1;  // the turn before warmed up
        const auto middle = first + (kTurns - 1) / 2;
        std::nth_element(first, middle, times[variant].end());
        medians[variant] = *middle;
    }
    return medians;
}

}  // namespace rowpool::tools
