// An open loop: requests arrive at their own times, whether the callers that serve them are free or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace rowpool::bench {

/// Arrival times of `count` requests in seconds from the start, with a mean of `rate` per second: a Poisson process,
/// determined by the seed.
std::vector<double> poisson_arrivals(std::size_t count, double rate, std::uint64_t seed);

/// Serves the arrivals, in non-decreasing order, with `callers` threads: a free one takes the next request. Returns the
/// latency of each in seconds, from the time at which it was due, so that queueing behind a slow request counts (no
/// "coordinated omission"). A waiting caller sleeps, as in a server; waking up is part of the latency. serve(caller,
/// arrival) may run in all callers at once and must not throw.
std::vector<double> run_open_loop(std::span<const double> arrivals, std::size_t callers,
                                  const std::function<void(std::size_t caller, std::size_t arrival)>& serve);

}  // namespace rowpool::bench
