// Slices: a plan cut into parts of equal cost. The bags of all features stand in one row, and a slice is a part of it,
// so that one heavy table is shared out and many light ones go together.
#pragma once

#include <cstddef>

#include "pooling/plan.hpp"

namespace rowpool::pooling {

/// A place between two bags: before this one of this feature, whose indices begin at `position`.
struct Place {
    std::size_t feature;
    std::size_t bag;
    std::size_t position;
};

inline Place begin_of(const Plan&) noexcept { return {0, 0, 0}; }
inline Place end_of(const Plan& plan) noexcept { return {plan.features.size(), 0, plan.indices.size()}; }

/// Bytes that a plan reads and writes, about: what it costs.
std::size_t cost_of(const Plan& plan) noexcept;

/// The first place, `from` or after it, before which the plan costs `cost` or more.
Place place_at(const Plan& plan, std::size_t cost, const Place& from) noexcept;

/// Sets the counts of skipped indices to 0, as the slices of a plan want them.
void clear_skipped(const Plan& plan) noexcept;

/// Pools the bags from `first` up to `last`. Indices have been checked, but those to be skipped; returns how many were.
std::size_t run_slice(const Plan& plan, const Place& first, const Place& last) noexcept;

/// Checks the indices of a plan and pools all of its bags, on the calling thread.
PoolStatus run(const Plan& plan) noexcept;

}  // namespace rowpool::pooling
