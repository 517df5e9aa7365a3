// How rows are prefetched when nobody has measured it.
#pragma once

#include <cstddef>

#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::pooling {

/// Most cache lines that a row of the table can touch, given the addresses at which its rows can start.
std::size_t lines_of_row(const Table& table) noexcept;

/// Bytes that lookups read from: all rows, and the remap if there is one.
std::size_t bytes_behind(const Table& table) noexcept;

/// Bytes of a core's own caches of data.
struct Caches {
    std::size_t first_level;
    std::size_t second_level;
};

/// Those of this machine.
const Caches& own_caches() noexcept;

/// What suits a table that shares the caches with others; `footprint` is the bytes of all of them, its own included.
Prefetch prefetch_for(const Table& table, std::size_t footprint, const Caches& caches = own_caches()) noexcept;

}  // namespace rowpool::pooling
