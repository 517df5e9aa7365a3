// What the benchmarks read: tables of a given size in bytes, and streams of row ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/huge_buffer.hpp"
#include "bench/traffic.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::bench {

/// Where a table of this size lives on the CPUs that we know, and how much is read of it in one call. `sets` calls go
/// by before ids repeat: a table in memory sees more rows in between than the last-level cache holds.
struct Place {
    const char* name;
    std::size_t table_bytes;
    std::size_t lookups;
    std::size_t sets;
};
inline constexpr std::size_t kDims[] = {32, 64, 128, 256};
inline constexpr Place kPlaces[] = {{"L2", std::size_t{512} << 10, 2000, 16},
                                    {"L3", std::size_t{16} << 20, 20000, 32},
                                    {"DRAM", std::size_t{256} << 20, 20000, 64}};

/// A table of rows without gaps. Throws std::logic_error when `bytes` are too few.
Table table_over(RowFormat format, std::size_t rows, std::size_t dim, std::span<const std::byte> bytes);

/// A table of random rows that fills a place. The rows repeat after a prime number of them, which no lookup can notice:
/// what is quantized to make them fits any machine.
class FilledTable {
public:
    FilledTable(RowFormat format, std::size_t dim, const Place& place);

    const Table& table() const noexcept { return table_; }
    const Place& place() const noexcept { return place_; }

    /// The table of these parameters. It is kept until another one is asked for: cases that share a table run together.
    static const FilledTable& get(RowFormat format, std::size_t dim, const Place& place);

private:
    HugeBuffer buffer_;
    Table table_;
    const Place& place_;
};

/// Uniform random ids of rows in [0, rows), in as many sets as the place wants: enough that no cache and no branch
/// predictor learns them.
class IdSets {
public:
    IdSets(std::size_t rows, const Place& place);

    /// The next set, for one call; after the last one the first again.
    std::span<const std::int32_t> next() noexcept;

private:
    std::vector<std::int32_t> ids_;
    std::size_t lookups_;
    std::size_t at_ = 0;
};

}  // namespace rowpool::bench
