// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "exec/plan.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::Plan plan;
    PoolStatus status = exec::plan_call(table, bags, options, out, plan);
    if (!status) return status;
    const std::size_t bad = exec::count_bad(plan, plan.begin, plan.end);
    if (bad > 0 && !plan.skips_bad) return exec::bad_index(plan, exec::find_bad(plan, plan.begin, plan.end));
    exec::run_bags(plan, exec::needs_filter(plan, bad), 0, bags.num_bags(), 0);
    status.skipped = bad;
    return status;
}

}  // namespace rowpool
