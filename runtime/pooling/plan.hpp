// A call that has been checked and laid out for the kernels: what it looks up in, which bags, and where results go. A
// request is a call with many features; a call of one table has one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernel_table.hpp"
#include "pooling/checks.hpp"
#include "rowpool/bags.hpp"
#include "rowpool/engine.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table.hpp"

namespace rowpool::pooling {

/// A table and how its rows are pooled, resolved: what does not depend on indices. Models keep them.
struct FeaturePlan {
    const Table* table;  ///< outlives this
    kernels::Codec codec;
    kernels::Rows rows;
    Pooling mode;
    bool is_far;         ///< all tables together are much larger than the second-level cache
    bool count_all;      ///< the divisor is the length of the bag
    bool skips_bad;      ///< bad indices are left out
    std::size_t column;  ///< the first of its results
};

/// Resolves options against a table. `footprint` is the bytes of all tables that share the caches with this one, its
/// own included. Fault: padding_index.
CheckResult plan_feature(const Table& table, const PoolOptions& options, std::size_t footprint,
                         FeaturePlan& feature) noexcept;

/// A view of a model's features, or of one, and of the caller's buffers.
struct Plan {
    std::span<const FeaturePlan> features;
    const kernels::KernelTable* kernels;
    IndexSpan indices;       ///< those of feature 0 come first
    kernels::BagEnds ends;   ///< of the bags of all features, as their indices
    const float* weights;    ///< one an index; null without
    std::size_t num_bags;    ///< of each feature
    void* out;               ///< first element of bag 0
    std::size_t out_stride;  ///< elements
    OutputType out_type;
    bool is_request;       ///< faults name the feature
    std::size_t* skipped;  ///< where the skipped indices of each feature are counted; null for nowhere

    /// Where the indices of feature f begin; where all end when there is none.
    std::size_t first_index(std::size_t f) const noexcept {
        if (f == features.size()) return indices.size();
        if (f == 0 || num_bags == 0) return 0;
        const std::size_t last_before = f * num_bags - 1;
        return static_cast<std::size_t>(ends.wide ? static_cast<const std::int64_t*>(ends.values)[last_before]
                                                  : static_cast<const std::int32_t*>(ends.values)[last_before]);
    }
};

/// A call of one table. `feature` is for the plan to refer to. The fault names the table.
PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     FeaturePlan& feature, Plan& plan) noexcept;

/// A request to a model: its features and the number of columns of its output. The fault names the feature's table.
PoolStatus plan_request(std::span<const FeaturePlan> features, std::size_t total_dim, const Request& request,
                        const Output& out, std::span<std::size_t> skipped, Plan& plan) noexcept;

/// The first of the indices in [begin, end) that is bad and not to be skipped; `end` when there is none.
std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept;

/// The fault of the bad index at `position`, with its bag counted within its feature.
PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept;

}  // namespace rowpool::pooling
