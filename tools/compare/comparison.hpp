// Compares two tables id by id, for `verify --against` and `diff`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tools/base/columns.hpp"
#include "tools/base/progress.hpp"
#include "tools/compare/row_errors.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The differences between two tables with the same number of ids and the same dim, over the ids for which both have a
/// row.
struct Comparison {
    RowErrors errors;                                    ///< rows are numbered by id
    std::optional<std::size_t> stored_differently = {};  ///< rows whose bytes differ, when both are of one format
    std::size_t pruned = 0;                              ///< ids that only one of the two has a row for
};

/// Reads the rows of all ids of both tables, in blocks and on all cores. They must have the same number of ids and the
/// same dim. Advances `progress` by the decoded bytes of one of them.
Comparison compare_tables(const Source& source, const Source& decoded, Progress& progress);

/// The amount by which compare_tables() advances the progress.
std::uint64_t comparison_bytes(const Source& source);

/// For each of the tables, the position of its counterpart among the `others`: the table of the same name; or, if there
/// is a single table on either side, that one.
std::vector<std::optional<std::size_t>> match_by_name(const Sources& tables, const Sources& others);

/// The text columns for the errors of a table, and their contents; dashes without a comparison.
std::vector<Column> error_columns();
std::vector<std::string> error_texts(const RowErrors* errors);

}  // namespace rowpool::tools
