// The machine's limits: the times of a raw gather and of a sequential read, to compare lookups with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bench/measure/raw_gather.hpp"
#include "rowpool/table.hpp"

namespace rowpool::bench {

/// A clock for work on that many threads: CPU time of the calling thread if it is the only one, which does not include
/// the time of other programs; real time for more.
double clock_seconds(std::size_t threads) noexcept;

/// For clock_seconds(): real time, which is read in some 20 ns instead of 200 to 1500. For timing single calls.
inline constexpr std::size_t kRealTime = 0;

/// Rows to gather from a table without gaps.
struct RowReads {
    const std::byte* rows;
    std::size_t row_bytes;  ///< must be known to gather_of()
    std::span<const std::int32_t> ids;
};

/// The ids that one sample of a gather reads.
using GatherPass = std::vector<RowReads>;

/// The number of ids of a pass that is long enough for the clock.
inline constexpr std::size_t kPassIds = 32000;

/// The ids, in passes of so many.
std::vector<GatherPass> gather_passes(const Table& table, std::span<const std::int32_t> ids,
                                      std::size_t pass_ids = kPassIds);

/// Seconds per row of the raw gather on that many threads, each with an equal share of the ids, at the best of
/// kPrefetchDistances: a median of samples that cycle through the passes. `between`, if given, runs untimed before
/// each sample; the time is then real time.
double best_gather_seconds(std::span<const GatherPass> passes, std::size_t threads,
                           const std::function<void()>& between = {});

/// Seconds per byte of a sequential read on one thread, a median of several passes.
double sequential_seconds(std::span<const std::byte> bytes);

}  // namespace rowpool::bench
