// A pooling call, checked and laid out for the kernels. Both the one-thread and the parallel calls are made of these
// steps: check the shape, check the indices (any part of them at a time), run bags (any range of them at a time).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/kernel_table.hpp"
#include "rowpool/bags.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table.hpp"

namespace rowpool::exec {

/// Bags as kernels see them: bag ends, and the part of the indices that the bags cover.
struct BagLayout {
    IndexSpan indices;
    std::span<const float> weights;
    kernels::BagEnds ends;
    std::size_t num_bags;
    std::size_t begin;  ///< first index of bag 0
    std::size_t end;    ///< one past the last index of the last bag
};

/// A fault with what was found and what it was checked against.
PoolStatus fault(PoolFault fault, std::size_t bag = 0, std::int64_t value = 0, std::size_t limit = 0) noexcept;

/// Resolves the stride of an output and checks that num_bags rows of `dim` columns fit.
PoolStatus check_output(const Output& out, std::size_t num_bags, std::size_t dim, std::size_t& stride) noexcept;

/// Checks the bounds of bags in full, every offset or length. On success `layout` is ready for make_plan.
PoolStatus check_bags(const Bags& bags, BagLayout& layout) noexcept;

/// A table and how its rows are pooled, resolved: all of a call that does not depend on its bags.
struct Setup {
    const Table* table;  ///< outlives the setup, as the plans made of it
    kernels::Codec codec;
    kernels::Rows rows;
    Pooling mode;
    bool is_far;      ///< all tables together are larger than the second-level cache
    bool counts_all;  ///< the divisor is the length of the bag
    bool skips_bad;   ///< bad indices are left out
};

/// Resolves options against a table. `footprint` is the bytes of all tables that share the caches with this one, its
/// own included. Fault: padding_index.
PoolStatus make_setup(const Table& table, const PoolOptions& options, std::size_t footprint, Setup& setup) noexcept;

/// A call whose shape has been checked.
struct Plan {
    const kernels::KernelTable* kernels;
    kernels::Codec codec;
    const Table* table;      ///< lives as long as the call
    kernels::PoolArgs args;  ///< all bags of the call
    IndexSpan indices;
    std::size_t begin;  ///< first index of bag 0
    bool skips_bad;
};

/// Checks that weights go with the mode and are one an index.
PoolStatus check_weights(const BagLayout& layout, Pooling mode) noexcept;

/// Puts a call together. Bags, weights and output have been checked; `stride` is the output's, resolved; `kernels` are
/// not null.
void make_plan(const kernels::KernelTable* kernels, const Setup& setup, const BagLayout& layout, const Output& out,
               std::size_t stride, Plan& plan) noexcept;

/// Leaves a plan that has the bags of several calls with those from `first` on, `num_bags` of them, of indices from
/// `begin` to `end`. Their ends are offsets. In place: a copy of what has just been written waits for the writes.
void keep_bags(std::size_t first, std::size_t num_bags, std::size_t begin, std::size_t end, Plan& plan) noexcept;

/// All of it for the bags of one table; the fault names the table.
PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept;

/// The first of the indices in [begin, end) that is outside a table of so many ids; `end` when there is none.
std::size_t find_outside(const kernels::KernelTable* kernels, const IndexSpan& indices, std::size_t ids,
                         std::size_t begin, std::size_t end) noexcept;
/// The same for a plan, which has none when it skips bad indices.
std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept;
/// The fault of the bad index at `position`, with its bag.
PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept;

/// Where a bag begins.
struct BagStart {
    std::size_t bag;
    std::size_t position;  ///< of its first index
};

/// Bytes that a plan reads and writes, about: what it costs.
std::size_t cost_of(const Plan& plan) noexcept;

/// The first bag, `from` or after it, before which the plan costs `cost` or more; the end of the last bag when nothing
/// does.
BagStart bag_after(const Plan& plan, std::size_t cost, const BagStart& from) noexcept;

/// The last bag, `from` or after it, that begins at `position` or before it, as `from` does. Not for bags that are
/// given by lengths.
BagStart bag_at(const Plan& plan, std::size_t position, const BagStart& from) noexcept;

/// Makes `rows` those of the table's copy that is nearest to the calling thread; to be called on the thread that reads
/// them.
void read_local_rows(const Table& table, kernels::Rows& rows) noexcept;

/// How many of a call's first rows its kernel would ask for too late: its distance. None where that is less than 16:
/// such rows are near.
inline std::size_t rows_ahead(const kernels::Rows& rows) noexcept {
    constexpr std::size_t kFar = 16;
    return rows.prefetch.distance < kFar ? 0 : rows.prefetch.distance;
}

/// Asks for the rows of indices [begin, end), which need not have been checked.
void prefetch_rows(const kernels::Rows& rows, IndexSpan indices, std::size_t begin, std::size_t end) noexcept;
/// Asks for what says where these rows are, if there is a remap.
void prefetch_remap(const kernels::Rows& rows, IndexSpan indices, std::size_t begin, std::size_t end) noexcept;

/// Leaves a plan with its bags from `first` up to `last`. Unless it skips bad indices, rows of later ones are asked
/// for, too, up to the index `prefetch_end`: what follows it may be another thread's, who asks for its rows.
void set_bags(const BagStart& first, const BagStart& last, std::size_t prefetch_end, Plan& plan) noexcept;

/// Pools the bags of a plan. Indices have been checked unless the plan skips bad ones; returns how many it skipped.
std::size_t run_bags(Plan& plan) noexcept;

}  // namespace rowpool::exec
