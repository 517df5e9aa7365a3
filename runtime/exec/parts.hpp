// Cutting the bags of a call, or of all features of a request, into pieces of equal cost.
//
// Calls is what is cut: count() single-table calls, each with a cost(f) and a plan(f, plan), and with indices from
// first_index(f) to first_index(f + 1) of indices(), of which find_bad(f, begin, end) gives the first bad one; table(f)
// and rows(f) are what they are looked up in. All their bags stand in one row, and a piece is a stretch of it, so that
// one heavy table is shared out and many light ones go together.
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
    const Table& table(std::size_t) const noexcept { return *plan_.table; }
    const kernels::Rows& rows(std::size_t) const noexcept { return plan_.args.rows; }
    IndexSpan indices() const noexcept { return plan_.indices; }
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

/// A place between two bags of all calls: all calls before `call`, which cost `before`, and its bags before `start`.
struct Cut {
    std::size_t call;
    std::size_t before;
    BagStart start;
};

/// The first place, `from` or after it, before which calls cost `cost` or more.
template <class Calls>
Cut cut_at(const Calls& calls, std::size_t cost, const Cut& from) noexcept {
    Cut cut = from;
    while (cut.call < calls.count() && cut.before + calls.cost(cut.call) <= cost) {
        cut.before += calls.cost(cut.call);
        cut = {cut.call + 1, cut.before, {0, calls.first_index(cut.call + 1)}};
    }
    if (cut.call == calls.count() || cost <= cut.before) return cut;
    Plan plan;
    calls.plan(cut.call, plan);
    cut.start = bag_after(plan, cost - cut.before, cut.start);
    return cut;
}

/// Asks for the rows that kernels ask for too late: the first ones of every call.
template <class Calls>
class FirstRows {
public:
    /// Those of the bags from `first` up to `last`.
    FirstRows(const Calls& calls, const Cut& first, const Cut& last) noexcept
        : calls_(calls), call_(first.call), next_(first.start.position), last_(last.start.position) {
        if (next_ < last_) enter();
    }

    /// Whether an index at or after `position` is left.
    bool reach(std::size_t position) const noexcept { return position < last_; }

    /// Asks for all that are wanted before the row at `position` has its turn, and have not been asked for.
    void ask(std::size_t position) noexcept {
        while (next_ < last_) {
            if (next_ == call_end_) {
                ++call_;
                enter();
                continue;
            }
            const std::size_t own_end = std::min(call_end_, call_begin_ + ahead_);
            const std::size_t end = std::min(own_end, position + ahead_);
            if (next_ < end) {
                prefetch_rows(rows_, calls_.indices(), next_, end, call_end_);
                next_ = end;
            }
            if (next_ < own_end) return;
            next_ = call_end_;
        }
    }

private:
    /// Begins with the rows of call_ at next_.
    void enter() noexcept {
        call_begin_ = next_;
        call_end_ = std::min(calls_.first_index(call_ + 1), last_);
        ahead_ = rows_ahead(calls_.rows(call_));
        if (call_begin_ == call_end_ || ahead_ == 0) return;
        rows_ = calls_.rows(call_);
        read_local_rows(calls_.table(call_), rows_);
    }

    const Calls& calls_;
    std::size_t call_;
    kernels::Rows rows_;  // of call_, if any of them are asked for here
    std::size_t ahead_ = 0;
    std::size_t call_begin_ = 0;
    std::size_t call_end_ = 0;
    std::size_t next_;  // the first index whose row has not been asked for, here or by a kernel
    std::size_t last_;
};

/// Runs some bags of one call, the first rows of what comes after it being asked for before the last ones of these have
/// their turn; returns how many indices were skipped.
template <class Calls>
std::size_t run_part(Plan& plan, const BagStart& first, const BagStart& last, FirstRows<Calls>& first_rows) noexcept {
    // Fewer would be too late, and many more would be gone again.
    constexpr std::size_t kLastRows = 64;
    BagStart middle = first;
    std::size_t skipped = 0;
    if (first_rows.reach(last.position) && last.position - first.position > 2 * kLastRows) {
        middle = bag_at(plan, last.position - kLastRows, first);
        first_rows.ask(first.position);
        skipped = run_bags(plan, first, middle, last.position);
    }
    first_rows.ask(last.position);
    return skipped + run_bags(plan, middle, last, last.position);
}

/// Runs the bags of every call from cost `begin` to cost `end`, counted over all of them; returns how many indices were
/// skipped. Stretches that meet have no bag in common and none between them.
template <class Calls>
std::size_t run_stretch(const Calls& calls, std::size_t begin, std::size_t end) noexcept {
    const Cut first = cut_at(calls, begin, {0, 0, {0, calls.first_index(0)}});
    const Cut last = cut_at(calls, end, first);
    FirstRows first_rows(calls, first, last);
    std::size_t skipped = 0;
    for (std::size_t f = first.call; f < calls.count() && f <= last.call; ++f) {
        Plan plan;
        calls.plan(f, plan);
        read_local_rows(*plan.table, plan.args.rows);
        const BagStart from = f == first.call ? first.start : BagStart{0, plan.begin};
        const BagStart to = f == last.call ? last.start : BagStart{plan.args.last_bag, plan.end};
        if (from.bag < to.bag) skipped += run_part(plan, from, to, first_rows);
    }
    return skipped;
}

}  // namespace rowpool::exec
