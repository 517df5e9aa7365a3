// Reads without decoding: adds up bytes as fast as this CPU can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rowpool::bench {

/// Adds up all bytes as 32-bit numbers, sequentially: the fastest way for a core to read memory.
std::uint32_t read_sequentially(std::span<const std::byte> bytes) noexcept;

/// Adds up the rows of `ids` as 32-bit numbers. Every cache line of the row `distance` ids ahead is prefetched; 0 means
/// no prefetching.
using GatherFn = std::uint32_t (*)(const std::byte* rows, std::span<const std::int32_t> ids,
                                   std::size_t distance) noexcept;

/// The gather for rows of this many bytes without gaps; null for a size that no case has.
GatherFn gather_of(std::size_t row_bytes) noexcept;

}  // namespace rowpool::bench
