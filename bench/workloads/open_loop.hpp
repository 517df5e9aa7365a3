// An open loop: requests arrive when they please, whether the callers that serve them are free or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace rowpool::bench {

/// Seconds from the start at which `count` requests arrive, `rate` a second in the mean: a Poisson process, the same
/// for the same seed.
std::vector<double> poisson_arrivals(std::size_t count, double rate, std::uint64_t seed);

/// Serves the arrivals, which must not fall, with `callers` threads: whoever is free takes the next one. Returns the
/// latency of each in seconds, from when it was due, so that the wait behind a slow one counts ("coordinated omission"
/// would leave it out). A caller that waits sleeps, as in a server; waking up is part of the latency.
/// serve(caller, arrival) may run in all callers at once and must not throw.
std::vector<double> run_open_loop(std::span<const double> arrivals, std::size_t callers,
                                  const std::function<void(std::size_t caller, std::size_t arrival)>& serve);

}  // namespace rowpool::bench
