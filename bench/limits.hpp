// The machine's limits: what a raw gather and a sequential read take, to put beside what a lookup takes.
#pragma once

#include <cstddef>
#include <span>

#include "bench/workload.hpp"

namespace rowpool::bench {

/// The distances that are tried.
inline constexpr std::size_t kPrefetchDistances[] = {0, 16, 32, 64};

/// Processor time of the calling thread, which is not charged for what other programs take.
double thread_seconds() noexcept;

/// Seconds a row of the raw gather at its best distance, a median of several id sets; 0 when gather_of has none.
double best_gather_seconds(std::span<const std::byte> table, std::size_t row_bytes, IdSets& ids);

/// Seconds a byte of reading the memory in order, a median of several passes.
double sequential_seconds(std::span<const std::byte> bytes);

}  // namespace rowpool::bench
