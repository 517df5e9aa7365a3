// Pools rows that may not be in memory: they are asked for before they are read, part by part.
#pragma once

#include "pooling/slice.hpp"

namespace rowpool::pooling {

/// As run_slice(), for a plan with cold rows.
std::size_t run_cold_slice(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept;

}  // namespace rowpool::pooling
