// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include <algorithm>

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
    exec::read_local_rows(table, plan.args.rows);
    const std::size_t ahead = std::min(plan.end, plan.begin + exec::rows_ahead(plan.args.rows));
    exec::prefetch_rows(plan.args.rows, plan.indices, plan.begin, ahead, plan.end);
    status.skipped = exec::run_bags(plan, first, last, plan.end);
    return status;
}

}  // namespace rowpool
