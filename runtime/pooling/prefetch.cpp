// Prefetching by rule; docs/TUNING.md has the rules and how to measure what is behind them.
#include "pooling/prefetch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "core/row_layout.hpp"
#include "rowpool/types.hpp"

namespace rowpool::pooling {
namespace {

using Into = Prefetch::Into;

constexpr std::size_t kLine = 64;  // bytes, on all CPUs that we know

/// Bytes of a cache of this machine, or what most servers have where the system does not say.
std::size_t cache_bytes(int name, std::size_t otherwise) noexcept {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<std::size_t>(bytes) : otherwise;
}

/// First-level caches of this size hold the rows that are under way from memory; smaller ones lost them too soon on
/// Zen 4, with 32 KiB. Zen 5 has 48.
constexpr std::size_t kLargeFirstLevel = std::size_t{48} << 10;

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
    // It is the number of lines under way that counts, and wide rows have more lines. Rows of the second level are
    // near, unless something else has used it since.
    constexpr std::size_t kNear = 16, kLeast = 8, kMost = 96;
    const bool is_small = caches.first_level < kLargeFirstLevel;
    const std::size_t lines_under_way = is_small ? 128 : 192;
    const std::size_t distance = std::clamp(lines_under_way / lines_of_row(table), kLeast, kMost);
    if (footprint <= caches.second_level) return {std::min(distance, kNear), Into::first_level};
    return {distance, is_small ? Into::second_level : Into::first_level};
}

}  // namespace rowpool::pooling
