// Reading rows without decoding them: what a lookup could take at best. For rows of any size, on any CPU; raw_read.hpp
// has what the suite compares with, which is made for few sizes and the CPU that builds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rowpool::bench {

/// The distances that are tried.
inline constexpr std::size_t kPrefetchDistances[] = {0, 8, 16, 32, 64, 128};

/// Rows of a table, as bytes.
struct RawRows {
    const std::byte* data = nullptr;
    std::size_t row_bytes = 0;  ///< at least 2, as every row has
    std::size_t stride = 0;     ///< bytes from one row to the next
};

/// Adds the rows of `ids` up, a cache line at a time, with the instruction set that lookups use (rowpool::active_isa).
/// Every line of the row `distance` ids ahead is prefetched; 0 for no prefetch. The sum depends on rows and ids only.
std::uint64_t gather_rows(const RawRows& rows, std::span<const std::int64_t> ids, std::size_t distance) noexcept;

}  // namespace rowpool::bench
