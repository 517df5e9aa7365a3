// Pooling on the calling thread.
#include "rowpool/pool.hpp"

#include "exec/plan.hpp"

namespace rowpool {

PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) noexcept {
    exec::BagLayout layout;
    exec::Plan plan;
    PoolStatus status = exec::check_bags(bags, layout);
    if (status) status = exec::make_plan(table, layout, options, out, plan);
    if (!status) {
        status.table = table.name();
        return status;
    }
    const std::size_t bad = exec::count_bad(plan, plan.begin, plan.end);
    if (bad > 0 && !plan.skips_bad) return exec::bad_index(plan, exec::find_bad(plan, plan.begin, plan.end));
    exec::run_bags(plan, exec::needs_filter(plan, bad), 0, bags.num_bags(), 0);
    status.skipped = bad;
    return status;
}

}  // namespace rowpool
