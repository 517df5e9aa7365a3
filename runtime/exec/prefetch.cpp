// Prefetching by rule; docs/TUNING.md has the rules and how to measure what is behind them.
#include "exec/prefetch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "core/row_layout.hpp"
#include "rowpool/types.hpp"

namespace rowpool::exec {
namespace {

using Into = Prefetch::Into;

constexpr std::size_t kLine = 64;  // bytes, on all CPUs that we know

/// Bytes of a cache of this machine, or what most servers have where the system does not say.
std::size_t cache_bytes(int name, std::size_t otherwise) noexcept {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<std::size_t>(bytes) : otherwise;
}

/// First-level caches of this size hold the rows that are under way from memory; smaller ones lose them too soon. What
/// follows from it was measured on Zen 5, with 48 KiB, and Zen 4, with 32.
constexpr std::size_t kLargeFirstLevel = std::size_t{48} << 10;

/// Whether to add up a row takes so long that its lines can come from the second level meanwhile. Other sums are as
/// fast as the lines come, and requests would only be in the way.
bool is_slow(const Table& table, const Caches& caches) noexcept {
    if (table.format() == RowFormat::f32) return false;
    if (!is_coded(table.format())) return lines_of_row(table) >= 4;
    // Zen 5 also has twice the width of arithmetic.
    return table.dim() >= 128 || caches.first_level < kLargeFirstLevel;
}

}  // namespace

const Caches& own_caches() noexcept {
    static const Caches caches = {cache_bytes(_SC_LEVEL1_DCACHE_SIZE, std::size_t{32} << 10),
                                  cache_bytes(_SC_LEVEL2_CACHE_SIZE, std::size_t{1} << 20)};
    return caches;
}

std::size_t lines_of_row(const Table& table) noexcept {
    const std::size_t starts = reinterpret_cast<std::uintptr_t>(table.data()) | table.row_stride() | kLine;
    const std::size_t alignment = starts & (~starts + 1);
    return (kLine - alignment + row_bytes(table.format(), table.dim()) - 1) / kLine + 1;
}

std::size_t bytes_behind(const Table& table) noexcept {
    return table.rows() * table.row_stride() + table.remap().size_bytes();
}

Prefetch prefetch_for(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    if (bytes_behind(table) <= caches.first_level) return {0, Into::first_level};
    if (footprint <= caches.second_level) return {is_slow(table, caches) ? std::size_t{8} : 0, Into::first_level};
    // From further away it is the number of lines under way that counts, and wide rows have more lines.
    const std::size_t lines = lines_of_row(table);
    if (caches.first_level < kLargeFirstLevel) {
        return {lines <= 2 ? std::size_t{96} : lines <= 8 ? 64 : 32, Into::second_level};
    }
    constexpr std::size_t kLinesUnderWay = 192, kLeast = 16, kMost = 96;
    return {std::clamp(kLinesUnderWay / lines, kLeast, kMost), Into::first_level};
}

bool reads_end_first(const Table& table, const Prefetch& prefetch) noexcept {
    const RowLayout layout = row_layout(table.format(), table.dim());
    const bool is_read_in_order = !is_coded(table.format()) || layout.qparams_at < layout.codes_at;
    const bool is_prefetched = prefetch.distance != 0 && prefetch.into == Into::second_level;
    return is_read_in_order && is_prefetched && lines_of_row(table) >= 3;
}

std::size_t prefetch_burst(const Table& table, const Prefetch& prefetch) noexcept {
    // Measured, and what it measures: the more pages, the longer a core waits for where a row is; the more lines a row
    // has, the fewer rows go on meanwhile.
    if (prefetch.into == Into::second_level) {
        constexpr std::size_t kRows = 16, kPays = std::size_t{3} << 29;
        return bytes_behind(table) >= kPays / std::max<std::size_t>(lines_of_row(table) - 1, 1) ? kRows : 0;
    }
    // In the first level there is room for so many rows of so many lines, and it pays for those that take long to add.
    constexpr std::size_t kRows = 32, kPays = std::size_t{1} << 30, kNarrow = 128, kMostLines = 8;
    const bool is_long = is_coded(table.format()) && table.dim() > kNarrow && lines_of_row(table) <= kMostLines;
    return bytes_behind(table) >= kPays && is_long ? kRows : 0;
}

}  // namespace rowpool::exec
