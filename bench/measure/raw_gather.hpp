// The raw gather: reads rows without decoding them, which is a lower bound for the time of lookups. For rows of any
// size, on any CPU. The suite compares with raw_read.hpp instead, which is compiled for a few sizes and for the CPU
// that builds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rowpool::bench {

/// The prefetch distances that are tried.
inline constexpr std::size_t kPrefetchDistances[] = {0, 8, 16, 32, 64, 128};

/// Rows of a table, as bytes.
struct RawRows {
    const std::byte* data = nullptr;
    std::size_t row_bytes = 0;  ///< at least 2, as every row has
    std::size_t stride = 0;     ///< bytes from one row to the next
};

/// Adds up the rows of `ids`, a cache line at a time, with the instruction set that lookups use (rowpool::active_isa).
/// Every line of the row `distance` ids ahead is prefetched; 0 means no prefetching. The sum depends on rows and ids
/// only.
std::uint64_t gather_rows(const RawRows& rows, std::span<const std::int64_t> ids, std::size_t distance) noexcept;

}  // namespace rowpool::bench
