// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "exec/parts.hpp"
#include "exec/plan.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::Plan plan;
    PoolStatus status = exec::plan_call(table, bags, options, out, plan);
    if (!status) return status;
    const std::size_t bad = exec::find_bad(plan, plan.begin, plan.args.end);
    if (bad != plan.args.end) return exec::bad_index(plan, bad);
    exec::read_local_rows(table, plan.args.rows);
    const exec::OneCall call(plan);
    exec::FirstRows(call, exec::begin_of(call), exec::end_of(call, exec::cost_of(plan))).ask(plan.begin);
    status.skipped = exec::run_bags(plan);
    return status;
}

}  // namespace rowpool
