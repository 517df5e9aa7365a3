// The machine's limits: what a raw gather and a sequential read take, to put beside what a lookup takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bench/measure/raw_gather.hpp"
#include "rowpool/table.hpp"

namespace rowpool::bench {

/// A clock for work on that many threads: processor time of the calling thread when it is the only one, which is not
/// charged for what other programs take; real time for more.
double clock_seconds(std::size_t threads) noexcept;

/// For clock_seconds(): real time, which is read in some 20 ns instead of 200 to 1500. It times single calls.
inline constexpr std::size_t kRealTime = 0;

/// Rows to gather from a table without gaps.
struct RowReads {
    const std::byte* rows;
    std::size_t row_bytes;  ///< one that gather_of knows
    std::span<const std::int32_t> ids;
};

/// What one sample of a gather reads.
using GatherPass = std::vector<RowReads>;

/// Ids of a pass that is long enough for the clock.
inline constexpr std::size_t kPassIds = 32000;

/// The ids, in passes of so many.
std::vector<GatherPass> gather_passes(const Table& table, std::span<const std::int32_t> ids,
                                      std::size_t pass_ids = kPassIds);

/// Seconds a row of the raw gather on that many threads, each with an equal share of the ids, at its best of
/// kPrefetchDistances: a median of samples, which take turns at the passes. Before each of them `other` memory
/// is written, which takes no part of the time; real time, if there is any.
double best_gather_seconds(std::span<const GatherPass> passes, std::size_t threads,
                           const std::function<void()>& between = {});

/// Seconds a byte of reading the memory in order on one thread, a median of several passes.
double sequential_seconds(std::span<const std::byte> bytes);

}  // namespace rowpool::bench
