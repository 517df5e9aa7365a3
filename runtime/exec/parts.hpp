// Cutting the bags of a call, or of all features of a request, into pieces of equal cost.
//
// Calls is what is cut: count() single-table calls, each with a cost(f) and a plan(f). All their bags stand in one row,
// and a piece is a stretch of it, so that one heavy table is shared out and many light ones go together.
#pragma once

#include <algorithm>
#include <cstddef>

#include "exec/plan.hpp"

namespace rowpool::exec {

/// One call of a single table.
class OneCall {
public:
    explicit OneCall(const Plan& plan) noexcept : plan_(plan) {}

    std::size_t count() const noexcept { return 1; }
    std::size_t cost(std::size_t) const noexcept { return cost_of(plan_); }
    const Plan& plan(std::size_t) const noexcept { return plan_; }
    PoolStatus bad_index(std::size_t position) const noexcept { return exec::bad_index(plan_, position); }

private:
    const Plan& plan_;
};

/// Runs parts one after the other, each as soon as the first rows of the one after it have been asked for.
class PartRunner {
public:
    void add(const Plan& plan, const BagStart& first, const BagStart& last) noexcept {
        prefetch_head(plan, first, last);
        run_waiting();
        waiting_ = {plan, first, last};
        has_waiting_ = true;
    }
    /// Runs the last part; returns how many indices all of them skipped.
    std::size_t finish() noexcept {
        run_waiting();
        return skipped_;
    }

private:
    struct Part {
        Plan plan;
        BagStart first;
        BagStart last;
    };

    void run_waiting() noexcept {
        if (has_waiting_) skipped_ += run_bags(waiting_.plan, waiting_.first, waiting_.last);
    }

    Part waiting_;
    bool has_waiting_ = false;
    std::size_t skipped_ = 0;
};

template <class Calls>
std::size_t total_cost(const Calls& calls) noexcept {
    std::size_t total = 0;
    for (std::size_t f = 0; f < calls.count(); ++f) total += calls.cost(f);
    return total;
}

/// Calls body(plan, first, last) for the bags of every call from cost `begin` to cost `end`, counted over all of them.
/// Stretches that meet have no bag in common and none between them.
template <class Calls, class Body>
void for_each_part(const Calls& calls, std::size_t begin, std::size_t end, const Body& body) {
    std::size_t before = 0;
    for (std::size_t f = 0; f < calls.count() && before < end; ++f) {
        const std::size_t after = before + calls.cost(f);
        if (after > begin) {
            const Plan& plan = calls.plan(f);
            const BagStart first = begin <= before ? BagStart{0, plan.begin} : bag_after(plan, begin - before);
            const BagStart last = end >= after ? BagStart{plan.args.last_bag, plan.end} : bag_after(plan, end - before);
            if (first.bag < last.bag) body(plan, first, last);
        }
        before = after;
    }
}

}  // namespace rowpool::exec
