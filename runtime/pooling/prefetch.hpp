// How rows are read from the caches and memory: the default prefetching, used unless a tuning profile or the caller
// sets it, and the order in which wide rows are read. Also, how results are written to the caches, or past them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::pooling {

/// The maximum number of cache lines that a row of the table touches, given the possible alignments of its rows.
std::size_t lines_of_row(const Table& table) noexcept;

/// Bytes that lookups in a table read from: its rows, and its remap if there is one.
std::size_t bytes_behind(const Table& table) noexcept;

/// Sizes in bytes of data caches. A core has the first two to itself.
struct Caches {
    std::size_t first_level;
    std::size_t second_level;
    std::size_t third_level;
};

/// Those of this machine.
const Caches& own_caches() noexcept;

/// Whether L1 has less than 48 KiB. One of 48 KiB (Zen 5) keeps prefetched rows from anywhere until they are read.
/// With a smaller one (Zen 4: 32 KiB), those from afar were measured to come faster into L2.
bool has_small_l1(const Caches& caches = own_caches()) noexcept;

/// The default for a table that shares the caches with others; `footprint` is the total bytes of those tables,
/// including this one.
Prefetch prefetch_for(const Table& table, std::size_t footprint, const Caches& caches = own_caches()) noexcept;

/// What takes the place of the default `prefetch` where many indices are looked up and are_skewed(): most of the rows
/// are near.
Prefetch prefetch_if_skewed(const Table& table, const Prefetch& prefetch) noexcept;

/// Whether of 64 among the indices of a bag range, at equal distances, some recur, as by a Zipf law; not, because of
/// one frequent index alone, nor of indices that have no row. The range has at least 64 indices.
bool are_skewed(const kernels::PoolArgs& args) noexcept;

/// The distance of `prefetch` for kernels that read whole rows instead of blocks of columns: rows are no more than fill
/// a third of the cache that they are prefetched into, and into L2 with a small L1 no farther ahead than those of
/// tables that are never read by blocks, but at least one if there are any.
std::size_t distance_of_whole_rows(const Table& table, const Prefetch& prefetch,
                                   const Caches& caches = own_caches()) noexcept;

/// Rows that are wider than the registers hold are read block by block of columns. If the widest blocks that there are
/// have fewer bytes than this, they are short for where the rows of the table come from: the rest of a row is best read
/// soon, in the next blocks of the bag or, of rows of more than two blocks, by reading several whole rows side by side.
/// Any block is long enough from near, which is 0, and of some rows from afar, or with a large L2, which is 1: the
/// hardware then brings the last lines of a block too late.
std::size_t least_run_for(const Table& table, std::size_t footprint, const Caches& caches = own_caches()) noexcept;

/// See PoolArgs::bytes_at_once.
std::uint32_t bytes_at_once_for(const Table& table, std::size_t footprint,
                                const Caches& caches = own_caches()) noexcept;

/// Whether a call writes so many results that their lines are prefetched.
struct FarResults {
    bool any;          ///< all but the following; where one of them is true, so is this
    bool few_rows;     ///< of bags with up to four rows in the mean, if the results follow one another
    bool single_rows;  ///< of bags with one row each, if the results follow one another
};

/// For a call whose results are `count` rows of `stride` bytes.
FarResults far_results(std::size_t count, std::size_t stride, const Caches& caches = own_caches()) noexcept;

/// How many bytes ahead of the results that a kernel writes it prefetches further ones; 0 for none.
std::size_t results_ahead(const kernels::PoolArgs& args, const FarResults& far,
                          const Caches& caches = own_caches()) noexcept;

/// Whether a call, with `count` result rows of `stride` elements from one to the next, has so many that those that
/// suits_stream() tells are best written by a ResultStream. Columns between them count: other calls write them. `table`
/// is that of the call, or the first of several.
bool streams_results(const Table& table, OutputType type, std::size_t count, std::size_t stride,
                     const Caches& caches = own_caches()) noexcept;

/// Whether a ResultStream takes the results of a bag range, and gains something: those of single rows, or, where other
/// columns lie between them, of several lines and of bags of not too many rows in the mean.
bool suits_stream(const kernels::PoolArgs& args, const Caches& caches = own_caches()) noexcept;

}  // namespace rowpool::pooling
