// Reading without decoding: bytes are added up as fast as this CPU can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rowpool::bench {

/// Adds all bytes up as 32-bit numbers, in order: the fastest that a core reads memory.
std::uint32_t read_sequentially(std::span<const std::byte> bytes) noexcept;

/// Adds the rows of `ids` up as 32-bit numbers. Every cache line of the row `distance` ids ahead is prefetched; 0 for
/// no prefetch.
using GatherFn = std::uint32_t (*)(const std::byte* rows, std::span<const std::int32_t> ids,
                                   std::size_t distance) noexcept;

/// The gather of rows of this many bytes without gaps; null for a size that the suite has no case for.
GatherFn gather_of(std::size_t row_bytes) noexcept;

}  // namespace rowpool::bench
