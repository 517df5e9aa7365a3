// Two tables beside each other, id by id: what `verify --against` and `diff` say.
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

/// What a table and another of the same ids and dim have of each other, where both have a row for an id.
struct Comparison {
    RowErrors errors;                                    ///< numbered by ids
    std::optional<std::size_t> stored_differently = {};  ///< rows whose bytes differ, when both are of one format
    std::size_t pruned = 0;                              ///< ids that only one of the two has a row for
};

/// Reads the rows of all ids of both, in blocks and on all cores. They have the same ids and dim. Advances `progress`
/// by the decoded bytes of one of them.
Comparison compare_tables(const Source& source, const Source& decoded, Progress& progress);

/// What compare_tables() advances the progress by.
std::uint64_t comparison_bytes(const Source& source);

/// For each of the tables the position of its counterpart among the `others`: the one of its name; or, if there is one
/// table on either side, that one.
std::vector<std::optional<std::size_t>> match_by_name(const Sources& tables, const Sources& others);

/// Columns of text for the errors of a table, and what stands in them; dashes without a comparison.
std::vector<Column> error_columns();
std::vector<std::string> error_texts(const RowErrors* errors);

}  // namespace rowpool::tools
