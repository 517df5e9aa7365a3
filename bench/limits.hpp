// The machine's limits: what a raw gather and a sequential read take, to put beside what a lookup takes.
#pragma once

#include <cstddef>
#include <span>

#include "bench/raw_gather.hpp"
#include "bench/workload.hpp"

namespace rowpool::bench {

/// Seconds a row of the raw gather at its best of kPrefetchDistances, a median of several id sets; 0 when gather_of has
/// none.
double best_gather_seconds(std::span<const std::byte> table, std::size_t row_bytes, IdSets& ids);

/// Seconds a byte of reading the memory in order, a median of several passes.
double sequential_seconds(std::span<const std::byte> bytes);

}  // namespace rowpool::bench
