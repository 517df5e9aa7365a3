// What would make one table's lookups faster: alternatives, each of them measured and none guessed.
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
    double seconds = 0;            ///< of one turn of time_in_turns()
    std::function<void()> before;  ///< each call of those turns; nothing if it is empty

    /// The rows that each call looks up.
    std::vector<std::size_t> rows() const;
};

/// The same lookups in stored rows, without a remap: what the memory is asked for. Pruned ids, which cost next to
/// nothing, become row 0, which is near. The table has a row.
Subject stored_rows(const Subject& subject);

/// Pooling of a call from a table, with the status of each checked. `subject` must outlive it.
Variant pooling(const Subject& subject);

struct Alternative {
    std::string name;
    double speedup = 1;
    double smaller = 1;  ///< how many times smaller the table becomes
};

/// How much faster the lookups would be with other options; those that do not apply to the table or do not fit the
/// memory are left out. The subject's table has no remap.
std::vector<Alternative> measure_alternatives(const Subject& subject);

/// Turns that measure_alternatives() takes at most, for the progress bar.
inline constexpr std::size_t kAlternativeTurns = 4 * kTurns;

}  // namespace rowpool::tools
