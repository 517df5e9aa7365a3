// Slices: consecutive parts of a plan, of equal cost. The bags of all features form one sequence, from which slices are
// cut: a heavy table is shared among several slices, and many light ones go into one.
#pragma once

#include <cstddef>

#include "pooling/plan.hpp"

namespace rowpool::pooling {

/// A boundary between two bags: before bag `bag` of feature `feature`, whose indices begin at `position`.
struct BagBoundary {
    std::size_t feature;
    std::size_t bag;
    std::size_t position;

    friend bool operator==(const BagBoundary&, const BagBoundary&) = default;
};

inline BagBoundary begin_of(const Plan&) noexcept { return {0, 0, 0}; }
inline BagBoundary end_of(const Plan& plan) noexcept { return {plan.features.size(), 0, plan.indices.size()}; }

/// The approximate number of bytes that a plan reads and writes, which estimates its time.
std::size_t cost_of(const Plan& plan) noexcept;

/// The first boundary at or after `from` such that the bags before it cost `cost` or more.
BagBoundary boundary_at(const Plan& plan, std::size_t cost, const BagBoundary& from) noexcept;

/// Sets the counts of skipped indices to 0; run_slice() adds to them.
void clear_skipped(const Plan& plan) noexcept;

/// Pools the bags from `first` up to `last`. The caller has checked the indices of features that do not skip bad ones.
/// Returns the number of skipped indices.
std::size_t run_slice(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept;

/// Checks the indices of a plan and pools all of its bags, on the calling thread.
PoolStatus run(const Plan& plan) noexcept;

}  // namespace rowpool::pooling
