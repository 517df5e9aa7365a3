// A pooling call, checked and laid out for the kernels. Both the one-thread and the parallel calls are made of these
// steps: check the shape, check the indices (any part of them at a time), run bags (any range of them at a time).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

/// The same offsets, counted from bag `first`.
kernels::BagEnds ends_from(const kernels::BagEnds& ends, std::size_t first) noexcept;

/// Resolves the stride of an output and checks that num_bags rows of `dim` columns fit.
PoolStatus check_output(const Output& out, std::size_t num_bags, std::size_t dim, std::size_t& stride) noexcept;

/// Checks the bounds of bags in full, every offset or length. On success `layout` is ready for make_plan.
PoolStatus check_bags(const Bags& bags, BagLayout& layout) noexcept;

/// A call whose shape has been checked.
struct Plan {
    const kernels::KernelTable* kernels;
    kernels::Codec codec;
    const Table* table;  ///< lives as long as the call
    std::string_view table_name;
    kernels::PoolArgs args;  ///< all bags of the call
    IndexSpan indices;
    std::size_t begin;  ///< indices of the call
    std::size_t end;
    bool weighted;
    bool skips_bad;
};

/// Checks everything that does not depend on the values of indices: options, weights, output.
PoolStatus make_plan(const Table& table, const BagLayout& layout, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept;

/// The two checks above for the bags of one table; the fault names the table.
PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept;

/// Resolves a padding index against a table: -1 for none; nothing when it is outside [-rows, rows).
std::optional<std::int64_t> resolve_padding(const Table& table, const PaddingIndex& padding) noexcept;

/// How many of the plan's indices in [begin, end) are outside the table.
std::size_t count_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept;
/// The first of them; `end` when there is none.
std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept;
/// The fault of the bad index at `position`, with its bag.
PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept;

/// The index at which bag `last` begins, given the one at which bag `first`, before it, does.
std::size_t position_of(const Plan& plan, std::size_t last, std::size_t first, std::size_t position) noexcept;

/// Pools bags [first, last), the first of which begins at index `position`. `filters`: leave out padding and bad
/// indices.
void run_bags(const Plan& plan, bool filters, std::size_t first, std::size_t last, std::size_t position) noexcept;

/// Whether the kernels have to leave out indices, given how many are bad.
inline bool needs_filter(const Plan& plan, std::size_t bad) noexcept { return plan.args.padding >= 0 || bad > 0; }

/// Bytes that a call reads and writes, about: what it costs.
std::size_t cost_bytes(const Plan& plan) noexcept;

}  // namespace rowpool::exec
