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
    std::size_t first_index(std::size_t f) const noexcept { return f == 0 ? plan_.begin : plan_.args.end; }
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

template <class Calls>
Cut begin_of(const Calls& calls) noexcept {
    return {0, 0, {0, calls.first_index(0)}};
}
/// Behind all calls, which cost `cost`.
template <class Calls>
Cut end_of(const Calls& calls, std::size_t cost) noexcept {
    return {calls.count(), cost, {0, calls.first_index(calls.count())}};
}

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

    /// Whether there are rows of indices at or after `position`.
    bool has_more(std::size_t position) const noexcept { return position < last_; }

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
                prefetch_rows(rows_, calls_.indices(), next_, end);
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
        // A kernel finds out where a row is when it asks for it, as far ahead as that.
        prefetch_remap(rows_, calls_.indices(), call_begin_, std::min(call_end_, call_begin_ + 2 * ahead_));
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

/// Some bags of one call.
struct Part {
    Plan plan;
    BagStart first;
    BagStart last;
};

/// Those of call f that are from `first` up to `last`.
template <class Calls>
void make_part(const Calls& calls, std::size_t f, const Cut& first, const Cut& last, Part& part) noexcept {
    calls.plan(f, part.plan);
    read_local_rows(*part.plan.table, part.plan.args.rows);
    part.first = f == first.call ? first.start : BagStart{0, part.plan.begin};
    part.last = f == last.call ? last.start : BagStart{part.plan.args.last_bag, part.plan.args.end};
    set_bags(part.first, part.last, part.last.position, part.plan);
}

/// Runs a part, the first rows of what comes after it being asked for before its last bags have their turn; returns how
/// many indices were skipped.
template <class Calls>
std::size_t run_part(Part& part, FirstRows<Calls>& first_rows) noexcept {
    // Fewer would be too late, and many more would be gone again.
    constexpr std::size_t kLastRows = 64;
    const BagStart& last = part.last;
    // Where bad indices are skipped, the second half would begin with rows that were not asked for.
    const bool can_be_cut = !part.plan.skips_bad && first_rows.has_more(last.position);
    if (can_be_cut && last.position - part.first.position > 2 * kLastRows) {
        const BagStart middle = bag_at(part.plan, last.position - kLastRows, part.first);
        if (middle.bag > part.first.bag) {
            first_rows.ask(part.first.position);
            set_bags(part.first, middle, last.position, part.plan);
            run_bags(part.plan);
            set_bags(middle, last, last.position, part.plan);
        }
    }
    first_rows.ask(last.position);
    return run_bags(part.plan);
}

/// Runs the bags from `first` up to `last`; returns how many indices were skipped. Stretches that meet have no bag in
/// common and none between them.
template <class Calls>
std::size_t run_stretch(const Calls& calls, const Cut& first, const Cut& last) noexcept {
    FirstRows first_rows(calls, first, last);
    const std::size_t end = last.start.bag == 0 ? last.call : last.call + 1;
    // A part is made before the one ahead of it runs: kernels copy it, and a copy of what has just been written waits.
    Part parts[2];
    if (first.call < end) make_part(calls, first.call, first, last, parts[first.call % 2]);
    std::size_t skipped = 0;
    for (std::size_t f = first.call; f < end; ++f) {
        if (f + 1 < end) make_part(calls, f + 1, first, last, parts[(f + 1) % 2]);
        Part& part = parts[f % 2];
        if (part.first.bag < part.last.bag) skipped += run_part(part, first_rows);
    }
    return skipped;
}

}  // namespace rowpool::exec
