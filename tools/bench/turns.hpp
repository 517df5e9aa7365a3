// Times several variants of the same work alternately, so that a slow moment of the machine slows all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace rowpool::tools {

/// A variant: does the work of call i.
using Variant = std::function<void(std::size_t call)>;

/// CPU seconds of this thread per row, for each variant: the median of a few turns of `seconds` each. Call i looks up
/// rows[i] rows. Each variant continues with the calls where the one before stopped, so that none finds in the cache
/// what another has just read. Zeros when no call has a row.
///
/// `before`, if given, runs untimed before each call. Calls are then timed one by one in wall-clock time, because
/// reading the CPU time takes longer. A turn still takes `seconds` in all, or one call.
std::vector<double> time_in_turns(std::span<const Variant> variants, std::span<const std::size_t> rows, double seconds,
                                  const std::function<void()>& before = {});

/// The number of turns, including warm-up turns.
inline constexpr std::size_t kTurns = 6;

}  // namespace rowpool::tools
