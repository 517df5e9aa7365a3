// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "exec/plan.hpp"
#include "exec/slice.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::FeaturePlan feature;
    exec::Plan plan;
    PoolStatus status = exec::plan_call(table, bags, options, out, feature, plan);
    return status ? exec::run(plan) : status;
}

}  // namespace rowpool
