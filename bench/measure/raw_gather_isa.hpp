// The raw gather of each instruction set that is compiled in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rowpool::bench {

/// Rows at this distance and further are prefetched into L2, nearer ones into L1: for each distance, the other level
/// was never the best one (docs/TUNING.md). With a large L1, no distance is as far as this.
std::size_t far_distance() noexcept;

/// See gather_rows().
using GatherRows = std::uint64_t(const std::byte* rows, std::size_t row_bytes, std::size_t stride,
                                 const std::int64_t* ids, std::size_t num_ids, std::size_t distance) noexcept;
GatherRows gather_rows_generic;
GatherRows gather_rows_avx2;
GatherRows gather_rows_avx512;
GatherRows gather_rows_neon;

}  // namespace rowpool::bench
