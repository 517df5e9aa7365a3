// Which tables of the inputs are written, and under which names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Longest name of a table that convert writes, in bytes.
inline constexpr std::size_t kLongestTableName = 1000;

/// What --table and --exclude say.
struct Selection {
    std::vector<std::string> tables;    ///< PATTERN[=NEWNAME] each; none takes all
    std::vector<std::string> excluded;  ///< PATTERN each, of names in the inputs
};

/// A table to write.
struct SelectedTable {
    const Source* source = nullptr;
    std::string name;
};

/// The selected tables: in the order of the options, then of the inputs; one table is taken once under one name. A
/// '*' in a new name stands for what the one '*' of its pattern matched. Fails when an option matches nothing, nothing
/// is left, two tables would have one name, or a table file cannot hold a name.
std::vector<SelectedTable> select_tables(const Sources& sources, const Selection& selection);

}  // namespace rowpool::tools
