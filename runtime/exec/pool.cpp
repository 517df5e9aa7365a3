// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "exec/plan.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::Plan plan;
    PoolStatus status = exec::plan_call(table, bags, options, out, plan);
    if (!status) return status;
    const std::size_t bad = exec::find_bad(plan, plan.begin, plan.end);
    if (bad != plan.end) return exec::bad_index(plan, bad);
    const exec::BagStart first = {0, plan.begin};
    const exec::BagStart last = {bags.num_bags(), plan.end};
    exec::read_local_rows(plan);
    exec::prefetch_head(plan, first, last);
    status.skipped = exec::run_bags(plan, first, last);
    return status;
}

}  // namespace rowpool
