// Pooling, and checking a call, on the calling thread.
#include "rowpool/pool.hpp"

#include "pooling/plan.hpp"
#include "pooling/slice.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    pooling::FeaturePlan feature;
    pooling::Plan plan;
    PoolStatus checked = pooling::plan_call(table, bags, options, out, feature, plan);
    if (!checked) return checked;
    return pooling::run(plan);
}

PoolStatus check(const Table& table, const Bags& bags, const PoolOptions& options) noexcept {
    return pooling::check_call(table, bags, options, nullptr);
}

PoolStatus check(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    return pooling::check_call(table, bags, options, &out);
}

}  // namespace rowpool
