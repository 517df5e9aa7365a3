// Chooses the coding of each table under a budget of error or of bytes, from measured metrics only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rowpool/types.hpp"

namespace rowpool::tools {

/// A coding that a table could have.
struct Candidate {
    RowCoding coding;
    std::uint64_t bytes = 0;  ///< of all rows in this coding
    double error = 0;         ///< relative L2 error of pooled outputs: 0.01 is 1 %
};

/// A table and its candidate codings, at least one. Of candidates with equal bytes and error the first is chosen.
struct BudgetTable {
    std::string name;
    std::vector<Candidate> candidates;
};

/// The choice for a table.
struct ChosenCoding {
    std::size_t candidate = 0;  ///< position of the chosen candidate
    std::string reason;         ///< one line for people
};

/// For each table, the candidate with the fewest bytes among those whose error is at most `most_error`; ties go to the
/// smaller error. A table with a single candidate gets it whatever its error. Fails, naming the table, when no
/// candidate is good enough.
std::vector<ChosenCoding> choose_by_error(std::span<const BudgetTable> tables, double most_error);

/// Small total error in at most `most_bytes` for all tables. Greedy: each table starts with its fewest bytes; while
/// bytes are left, the step to another candidate is taken that lowers the sum of the tables' squared errors most per
/// byte. This is the optimum of the relaxed problem (a linear multiple-choice knapsack, P. Sinha and A. Zoltners,
/// Operations Research 27(3), 1979), followed by steps that still fit. The sum is at most one table's step above the
/// least possible. Fails, naming the fewest possible bytes, when those exceed `most_bytes`.
std::vector<ChosenCoding> choose_by_bytes(std::span<const BudgetTable> tables, std::uint64_t most_bytes);

/// "int4 by search"; for other methods and formats, the name of the format.
std::string coding_text(RowCoding coding);

/// An error for people: "0.82 %".
std::string percent_text(double error);

}  // namespace rowpool::tools
