// Which tables of the inputs are written, and under which names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The maximum length in bytes of a table name that convert writes.
inline constexpr std::size_t kLongestTableName = 1000;

/// The options --table and --exclude.
struct Selection {
    std::vector<std::string> tables;    ///< each is [FILE:]PATTERN[=NEWNAME]; empty: all tables
    std::vector<std::string> excluded;  ///< each is a PATTERN of names in the inputs
};

/// A table to write.
struct SelectedTable {
    const Source* source = nullptr;
    std::string name;
};

/// The selected tables, in the order of the options, then of the inputs. A table is selected once under the same name.
/// A '*' in a new name stands for what the '*' of its pattern matched. Without --table, optimizer state, scales of
/// tensors that were left out and tables whose names are not valid in a table file are added to `reading` as left out.
/// Fails when an option matches nothing, no table is left, two tables would have the same name, or a new name is not
/// valid.
std::vector<SelectedTable> select_tables(const Sources& sources, const Selection& selection, Reading& reading);

/// The reason why a table is taken only if --table names it; empty for all others.
std::string reason_to_leave(const Source& source, const std::vector<LeftOut>& left_out);

/// The left-out tensors that the selection may have meant: those that --exclude does not match and, if it is given,
/// --table does.
std::vector<LeftOut> meant(const Selection& selection, const std::vector<LeftOut>& left_out);

}  // namespace rowpool::tools
