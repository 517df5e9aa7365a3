// Formats under a budget: measures what each table could be, and gives it the coding that the budget asks for.
#pragma once

#include <CLI/CLI.hpp>
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

/// --format-of, --max-error, --max-bytes and --trace. The command has --format and --method already.
void add_budget_options(CLI::App& command, BudgetOptions& options, WantedCoding& wanted);

/// Gives the targets codings within the budget, if there is one, and a reason each. Formats of --format-of stay, with
/// the better of the methods. Reads the trace and the rows of some bags, shows progress. Fails when there is no way to
/// keep the budget, or a trace without one.
void plan_codings(const BudgetOptions& options, const WantedCoding& wanted, std::vector<Target>& targets);

}  // namespace rowpool::tools
