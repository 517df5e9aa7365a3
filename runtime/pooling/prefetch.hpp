// The default prefetching, used unless a tuning profile or the caller sets it.
#pragma once

#include <cstddef>

#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::pooling {

/// The maximum number of cache lines that a row of the table touches, given the possible alignments of its rows.
std::size_t lines_of_row(const Table& table) noexcept;

/// Bytes that lookups in a table read from: its rows, and its remap if there is one.
std::size_t bytes_behind(const Table& table) noexcept;

/// Sizes in bytes of the data caches that a core has to itself.
struct Caches {
    std::size_t first_level;
    std::size_t second_level;
};

/// Those of this machine.
const Caches& own_caches() noexcept;

/// The default for a table that shares the caches with others; `footprint` is the total bytes of those tables,
/// including this one.
Prefetch prefetch_for(const Table& table, std::size_t footprint, const Caches& caches = own_caches()) noexcept;

}  // namespace rowpool::pooling
