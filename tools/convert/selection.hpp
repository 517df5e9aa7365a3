// Which tables of the inputs are written, and under which names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Longest name of a table that convert writes, in bytes.
inline constexpr std::size_t kLongestTableName = 1000;

/// What --table and --exclude say.
struct Selection {
    std::vector<std::string> tables;    ///< [FILE:]PATTERN[=NEWNAME] each; none takes all
    std::vector<std::string> excluded;  ///< PATTERN each, of names in the inputs
};

/// A table to write.
struct SelectedTable {
    const Source* source = nullptr;
    std::string name;
};

/// The selected tables: in the order of the options, then of the inputs; one table is taken once under one name. A
/// '*' in a new name stands for what the one '*' of its pattern matched. Without --table, optimizer state, scales of
/// what was left out and tables with names that no table file can hold go to the tables that `reading` left out. Fails
/// when an option matches nothing, nothing is left, two tables would have one name, or a table file cannot hold a name.
std::vector<SelectedTable> select_tables(const Sources& sources, const Selection& selection, Reading& reading);

/// Why a table is taken only when --table says so; empty for all others.
std::string reason_to_leave(const Source& source, const std::vector<LeftOut>& left_out);

/// What was left out and a selection may have meant: all that --exclude does not match and --table does.
std::vector<LeftOut> meant(const Selection& selection, const std::vector<LeftOut>& left_out);

}  // namespace rowpool::tools
