// Arrivals, and the callers that serve them.
#include "bench/workloads/open_loop.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include "bench/measure/traffic.hpp"

namespace rowpool::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// Hands the arrivals out, each when it is due.
class Queue {
public:
    explicit Queue(std::span<const double> arrivals) : arrivals_(arrivals) {}

    /// Sleeps until the next arrival; the number of arrivals when there are no more. One caller sleeps, the others wait
    /// for it.
    std::size_t take() {
        const std::lock_guard lock(taking_);
        if (next_ == arrivals_.size()) return next_;
        std::this_thread::sleep_until(start_ + std::chrono::duration_cast<Clock::duration>(Seconds(arrivals_[next_])));
        return next_++;
    }
    /// Seconds since that arrival was due.
    double late(std::size_t arrival) const { return Seconds(Clock::now() - start_).count() - arrivals_[arrival]; }

private:
    std::span<const double> arrivals_;
    Clock::time_point start_ = Clock::now();
    std::mutex taking_;
    std::size_t next_ = 0;
};

}  // namespace

std::vector<double> poisson_arrivals(std::size_t count, double rate, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> arrivals(count);
    double now = 0;
    for (double& arrival : arrivals) arrival = now += -std::log1p(-random.unit()) / rate;
    return arrivals;
}

std::vector<double> run_open_loop(std::span<const double> arrivals, std::size_t callers,
                                  const std::function<void(std::size_t caller, std::size_t arrival)>& serve) {
    std::vector<double> latencies(arrivals.size());
    Queue queue(arrivals);
    std::vector<std::jthread> threads;
    for (std::size_t caller = 0; caller < callers; ++caller) {
        threads.emplace_back([&, caller] {
            prctl(PR_SET_TIMERSLACK, 1);  // by default sleeps are up to 50 microseconds longer than asked for
            for (std::size_t i = queue.take(); i < arrivals.size(); i = queue.take()) {
                serve(caller, i);
                latencies[i] = queue.late(i);
            }
        });
    }
    threads.clear();
    return latencies;
}

}  // namespace rowpool::bench
