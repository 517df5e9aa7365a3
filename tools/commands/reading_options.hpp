// The options that say how inputs are read, for the commands that read any input.
#pragma once

#include <string>
#include <vector>

#include "tools/base/options.hpp"
#include "tools/inputs/reading.hpp"

namespace rowpool::tools {

inline void add_reading_options(CLI::App& command, Reading& reading) {
    add_choice(command, "--names-column", reading.names_column, "yes|no", parse_names_column,
               "Whether the lines of text begin with the names of rows: yes where they look like numbers, no where "
               "there are only numbers");
    add_choice(command, "--on-bad-line", reading.on_bad_line, "fail|skip", parse_on_bad_line,
               "What a line of text does that is no row: the command fails (unless given), or the line is passed over; "
               "convert counts these and names the first ones");
}

/// For join_tables().
inline void add_join(CLI::App& command, std::vector<std::string>& options) {
    add_repeated(
        command, "--join", options, "[FILE:]PATTERN=NEWNAME",
        "Make one table of those that match, which are shards of it with a number in their names, or in those of "
        "their files: 0 or 1 comes first, 2 before 10. May be repeated, also for one table whose shards follow "
        "each other so");
}

}  // namespace rowpool::tools
