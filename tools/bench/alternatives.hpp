// Measures alternatives that could make lookups in one table faster.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "rowpool/pool.hpp"
#include "rowpool/table.hpp"
#include "tools/bench/turns.hpp"
#include "tools/bench/workload.hpp"

namespace rowpool::tools {

/// One feature on one thread.
struct Subject {
    Table table;
    PoolOptions options;
    std::vector<Lookups> calls;
    double seconds = 0;            ///< per turn of time_in_turns()
    std::function<void()> before;  ///< runs before each call of those turns, unless it is empty

    /// The rows that each call looks up.
    std::vector<std::size_t> rows() const;
};

/// The same lookups by row, without a remap: the memory accesses that remain. Pruned ids, which cost next to nothing,
/// become row 0, which stays in the cache. The table must have a row.
Subject stored_rows(const Subject& subject);

/// A variant that pools the subject's calls from a table and checks every status. `subject` must outlive it.
Variant pooling(const Subject& subject);

struct Alternative {
    std::string name;
    double speedup = 1;
    double smaller = 1;  ///< the factor by which the table shrinks
};

/// The speed-ups of lookups with other options. Options that do not apply to the table or do not fit in memory are left
/// out. The subject's table must have no remap.
std::vector<Alternative> measure_alternatives(const Subject& subject);

/// The maximum number of turns of measure_alternatives(), for the progress bar.
inline constexpr std::size_t kAlternativeTurns = 4 * kTurns;

}  // namespace rowpool::tools
