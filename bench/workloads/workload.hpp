// The workloads of single-table benchmarks: tables of a given size in bytes, and streams of row ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/measure/huge_buffer.hpp"
#include "bench/workloads/kept.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::bench {

/// The cache level or memory that holds a table of this size on common CPUs, and the number of rows read per call. Ids
/// repeat after `sets` calls: for a table in memory, after more rows than the last-level cache holds.
struct Place {
    const char* name;
    std::size_t table_bytes;
    std::size_t lookups;
    std::size_t sets;
};
inline constexpr std::size_t kDims[] = {32, 64, 128, 256};
inline constexpr Place kPlaces[] = {{"L1", std::size_t{32} << 10, 2000, 16},
                                    {"L2", std::size_t{512} << 10, 2000, 16},
                                    {"L3", std::size_t{16} << 20, 20000, 32},
                                    {"DRAM", std::size_t{256} << 20, 20000, 64},
                                    {"DRAM4G", std::size_t{4} << 30, 20000, 64}};
/// Whether its cases belong to the large grid only.
constexpr bool is_large(const Place& place) { return place.table_bytes > std::size_t{1} << 30; }

/// Encoded rows of random values. They repeat after a prime number of rows, which lookups cannot notice, so that making
/// them takes little memory.
std::vector<std::byte> row_pattern(RowFormat format, std::size_t dim);

/// A table over the buffer, which has the size of its rows and is filled with the repeated pattern.
Table fill_table(std::span<std::byte> buffer, std::span<const std::byte> pattern, RowFormat format, std::size_t dim);

/// A table of rows without gaps. Throws std::logic_error when `bytes` are too few.
Table table_over(RowFormat format, std::size_t rows, std::size_t dim, std::span<const std::byte> bytes);

/// A table of random rows with the size of a place.
class FilledTable {
public:
    /// Throws TooLittleMemory.
    FilledTable(RowFormat format, std::size_t dim, const Place* place);

    const Table& table() const noexcept { return table_; }

private:
    HugeBuffer buffer_;
    Table table_;
};

/// Zipf-distributed row ids in [0, rows), with the frequent ones scattered over the table, in as many sets as the place
/// needs: so many that no cache and no branch predictor learns more of them than the distribution allows.
class IdSets {
public:
    IdSets(std::size_t rows, const Place* place, double alpha);

    /// The next set, for one call; the first follows the last.
    std::span<const std::int32_t> next() noexcept;
    /// The ids of all sets, one after the other.
    std::span<const std::int32_t> all() const noexcept { return ids_; }

private:
    std::vector<std::int32_t> ids_;
    std::size_t lookups_;
    std::size_t at_ = 0;
};

}  // namespace rowpool::bench
