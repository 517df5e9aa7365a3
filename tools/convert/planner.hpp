// Formats under a budget: measures candidate codings of each table, and chooses one by the budget.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/convert/targets.hpp"

namespace rowpool::tools {

/// The command line: at most one of the two budgets.
struct BudgetOptions {
    std::optional<double> max_error;         ///< relative L2 error of each table's pooled outputs
    std::optional<std::uint64_t> max_bytes;  ///< of the rows of all tables
    std::string trace;                       ///< path of the lookups to measure with; empty for generated ones
};

/// Gives each target a coding within the budget, if there is one, and the reason. Formats of --format-of are kept, with
/// the better method. Reads the trace and the rows of some bags, and shows progress. Fails when the budget cannot be
/// kept, or when there is a trace but no budget.
void plan_codings(const BudgetOptions& options, const WantedCoding& wanted, std::vector<Target>& targets);

}  // namespace rowpool::tools
