// Which coding each table gets, so that all keep to a budget of error or of bytes. A function of measured metrics only.
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
    std::uint64_t bytes = 0;  ///< of all rows
    double error = 0;         ///< relative L2 error of pooled outputs: 0.01 is 1 %
};

/// A table and what it could be, at least one candidate. Of candidates of equal bytes and error the first is taken.
struct BudgetTable {
    std::string name;
    std::vector<Candidate> candidates;
};

/// What became of a table.
struct Choice {
    std::size_t candidate = 0;  ///< its position
    std::string reason;         ///< one line for people
};

/// For each table the fewest bytes whose error is at most `most_error`, and of those the least error. A table with a
/// single candidate has it whatever its error. Fails naming a table of which no candidate is good enough.
std::vector<Choice> choose_by_error(std::span<const BudgetTable> tables, double most_error);

/// Little error in at most `most_bytes` for all tables: each starts with its fewest bytes, and as long as bytes are
/// left the step to another candidate is taken that lowers the sum of all tables' squared errors most per byte. That is
/// the optimum of the relaxed problem (a linear multiple-choice knapsack, P. Sinha and A. Zoltners, Operations Research
/// 27(3), 1979), and then what still fits; the sum is at most one table's step above the least possible.
/// Fails naming the fewest possible bytes when they are more.
std::vector<Choice> choose_by_bytes(std::span<const BudgetTable> tables, std::uint64_t most_bytes);

/// "int4 by search", and of other methods and formats the name of the format.
std::string coding_text(RowCoding coding);

/// An error for people: "0.82 %".
std::string percent_text(double error);

}  // namespace rowpool::tools
