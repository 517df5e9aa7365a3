// The rows of a table that point where a vector points.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// The score of a row that is none of the nearest.
inline constexpr double kNoScore = -std::numeric_limits<double>::infinity();

/// Cosine of each row with the query, whose size is the table's dim; kNoScore for rows without a direction. Runs on all
/// cores. Fails when the query has no direction.
std::vector<double> cosines(const Table& table, std::span<const float> query);

/// Rows by falling score, the earlier of equal ones first; at most `count`.
std::vector<std::size_t> best_rows(const std::vector<double>& scores, std::size_t count);

}  // namespace rowpool::tools
