// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "pooling/plan.hpp"
#include "pooling/slice.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::FeaturePlan feature;
    exec::Plan plan;
    PoolStatus checked = exec::plan_call(table, bags, options, out, feature, plan);
    if (!checked) return checked;
    return exec::run(plan);
}

}  // namespace rowpool
