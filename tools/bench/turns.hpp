// Several variants of the same work, timed in turns, so that a slow moment of the machine slows them all.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace rowpool::tools {

/// One way to do the work of call i.
using Variant = std::function<void(std::size_t call)>;

/// Seconds of this thread's processor time that each way takes for a row: the median of a few turns of `seconds` each.
/// Call i is about rows[i] rows. The variants go on with the calls where the one before stopped, so that none finds in
/// the cache what another has just read. Zeros when there is no row in any call.
///
/// With `before`, that is done before each call and is no part of its time, which is then that of the wall clock: calls
/// are timed one by one, and it is read sooner than the processor time. A turn still takes `seconds` in all, or one
/// call.
std::vector<double> time_in_turns(std::span<const Variant> variants, std::span<const std::size_t> rows, double seconds,
                                  const std::function<void()>& before = {});

/// How many such turns it takes, those before the first one counts included.
inline constexpr std::size_t kTurns = 6;

}  // namespace rowpool::tools
