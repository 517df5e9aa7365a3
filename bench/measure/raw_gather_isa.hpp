// The raw gather of each instruction set that is compiled in.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rowpool::bench {

/// Rows at this distance and further are prefetched into the second-level cache, nearer ones into the first: each is
/// where the other never was the best (docs/TUNING.md). Where the first level is large, no distance is that.
std::size_t far_distance() noexcept;

/// See gather_rows().
using GatherRows = std::uint64_t(const std::byte* rows, std::size_t row_bytes, std::size_t stride,
                                 const std::int64_t* ids, std::size_t num_ids, std::size_t distance) noexcept;
GatherRows gather_rows_generic;
GatherRows gather_rows_avx2;
GatherRows gather_rows_avx512;
GatherRows gather_rows_neon;

}  // namespace rowpool::bench
