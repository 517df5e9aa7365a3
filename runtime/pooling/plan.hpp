// A plan is a checked call, ready to be cut into slices: features, bags and output. A request has many features, a call
// for one table has one.
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

/// A table and how its rows are pooled: the part of a plan that does not depend on indices. Models keep one per
/// feature.
struct FeaturePlan {
    const Table* table;  ///< outlives this
    kernels::Codec codec;
    kernels::Rows rows;
    Prefetch if_skewed;  ///< instead of rows.prefetch where indices are skewed; the same where nothing would be gained
    Pooling mode;
    std::size_t least_run;              ///< see least_run_for()
    std::uint32_t bytes_at_once;        ///< see bytes_at_once_for()
    bool is_replicated;                 ///< rows and remap are where core::local_data() and local_remap() say
    bool count_all;                     ///< the divisor is the length of the bag
    bool skips_bad;                     ///< bad indices are left out
    std::size_t column;                 ///< the first of its results
    const memory::ColdRows* cold_rows;  ///< asks for rows that may not be in memory; null when nothing has to
};

/// Resolves options against a table. `footprint` is the total bytes of the tables that share the caches, including this
/// one. Fault: padding_index.
CheckResult plan_feature(const Table& table, const PoolOptions& options, std::size_t footprint,
                         FeaturePlan& feature) noexcept;

/// A view of features (those of a model, or one) and of the caller's buffers.
struct Plan {
    std::span<const FeaturePlan> features;
    const kernels::KernelTable* kernels;
    IndexSpan indices;       ///< of all features, in their order
    kernels::BagEnds ends;   ///< of all features, in their order
    const float* weights;    ///< one per index, or null
    std::size_t num_bags;    ///< of each feature
    void* out;               ///< first element of bag 0
    std::size_t out_stride;  ///< elements
    OutputType out_type;
    bool is_request;       ///< faults name the feature
    bool is_cold;          ///< one of the features has cold rows
    bool streams;          ///< results that suit it are written past the caches: see streams_results()
    std::size_t* skipped;  ///< where the skipped indices of each feature are counted; null for nowhere

    /// Position of the first index of feature f; for f == features.size(), the number of indices.
    std::size_t first_index(std::size_t f) const noexcept {
        if (f == features.size()) return indices.size();
        if (f == 0 || num_bags == 0) return 0;
        const std::size_t last_before = f * num_bags - 1;
        return static_cast<std::size_t>(ends.wide ? static_cast<const std::int64_t*>(ends.values)[last_before]
                                                  : static_cast<const std::int32_t*>(ends.values)[last_before]);
    }
};

/// Plans a call for one table. The plan points to `feature`, which must live as long. A fault names the table.
PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     FeaturePlan& feature, Plan& plan) noexcept;

/// Checks all of a call, of which `out` may be null: then not its output. A fault names the table.
PoolStatus check_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output* out) noexcept;

/// A request to a model: its features, the number of columns of its output, and whether any feature has cold rows. The
/// fault names the feature's table.
PoolStatus plan_request(std::span<const FeaturePlan> features, std::size_t total_dim, bool is_cold,
                        const Request& request, const Output& out, std::span<std::size_t> skipped, Plan& plan) noexcept;

/// The position of the first bad index in [begin, end), not counting features that skip bad indices; `end` when there
/// is none.
std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept;

/// The fault of the bad index at `position`, with its bag counted within its feature.
PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept;

}  // namespace rowpool::pooling
