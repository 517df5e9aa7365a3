// Cutting the bags of a call, or of all features of a request, into pieces of equal cost.
//
// Calls is what is cut: count() single-table calls, each with a cost(f) and a plan(f, plan), and with indices from
// first_index(f) to first_index(f + 1), of which find_bad(f, begin, end) gives the first bad one. All their bags stand
// in one row, and a piece is a stretch of it, so that one heavy table is shared out and many light ones go together.
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
    void plan(std::size_t, Plan& plan) const noexcept { plan = plan_; }
    std::size_t first_index(std::size_t f) const noexcept { return f == 0 ? plan_.begin : plan_.end; }
    std::size_t find_bad(std::size_t, std::size_t begin, std::size_t end) const noexcept {
        return exec::find_bad(plan_, begin, end);
    }
    PoolStatus bad_index(std::size_t position) const noexcept { return exec::bad_index(plan_, position); }

private:
    const Plan& plan_;
};

template <class Calls>
std::size_t total_cost(const Calls& calls) noexcept {
    std::size_t total = 0;
    for (std::size_t f = 0; f < calls.count(); ++f) total += calls.cost(f);
    return total;
}

/// The position of the first bad index from `begin` to `end`, of whichever call; `end` when there is none.
template <class Calls>
std::size_t find_bad_of_all(const Calls& calls, std::size_t begin, std::size_t end) noexcept {
    for (std::size_t f = 0; f < calls.count(); ++f) {
        const std::size_t from = std::max(begin, calls.first_index(f));
        const std::size_t to = std::min(end, calls.first_index(f + 1));
        if (from >= to) continue;
        const std::size_t bad = calls.find_bad(f, from, to);
        if (bad != to) return bad;
    }
    return end;
}

/// Some bags of one call.
struct Part {
    Plan plan;
    BagStart first;
    BagStart last;
};

/// Runs parts one after the other, each as soon as the first rows of the one after it have been asked for.
class PartRunner {
public:
    /// A part to be filled, then to be added or not.
    Part& next() noexcept { return parts_[next_]; }
    void add() noexcept {
        prefetch_head(next());
        run_waiting();
        has_waiting_ = true;
        next_ = 1 - next_;
    }
    /// Runs the last part; returns how many indices all of them skipped.
    std::size_t finish() noexcept {
        run_waiting();
        return skipped_;
    }

private:
    static void prefetch_head(const Part& part) noexcept { exec::prefetch_head(part.plan, part.first, part.last); }
    void run_waiting() noexcept {
        Part& waiting = parts_[1 - next_];
        if (has_waiting_) skipped_ += run_bags(waiting.plan, waiting.first, waiting.last);
    }

    Part parts_[2];
    std::size_t next_ = 0;
    bool has_waiting_ = false;
    std::size_t skipped_ = 0;
};

/// Runs the bags of every call from cost `begin` to cost `end`, counted over all of them; returns how many indices were
/// skipped. Stretches that meet have no bag in common and none between them.
template <class Calls>
std::size_t run_stretch(const Calls& calls, std::size_t begin, std::size_t end) noexcept {
    PartRunner runner;
    std::size_t before = 0;
    for (std::size_t f = 0; f < calls.count() && before < end; ++f) {
        const std::size_t after = before + calls.cost(f);
        if (after > begin) {
            Part& part = runner.next();
            calls.plan(f, part.plan);
            read_local_rows(part.plan);
            const Plan& plan = part.plan;
            part.first = {0, plan.begin};
            if (begin > before) part.first = bag_after(plan, begin - before, part.first);
            part.last = {plan.args.last_bag, plan.end};
            if (end < after) part.last = bag_after(plan, end - before, part.first);
            if (part.first.bag < part.last.bag) runner.add();
        }
        before = after;
    }
    return runner.finish();
}

}  // namespace rowpool::exec
