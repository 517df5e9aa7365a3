// Tables as options of the command line name them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// One option [FILE:]PATTERN[=NEWNAME].
struct TableChoice {
    std::string pattern;  ///< with the file
    std::string new_name;
    bool renames = false;
};

/// A name may have a '=' in it: the new name follows the last one whose left side is a name, or else the first one.
TableChoice parse_choice(const std::string& option, const Sources& sources);

/// Whether a pattern is for the table of that name in that file.
bool chosen(const std::string& pattern, const std::string& file, const std::string& name);

/// The name that a chosen table gets.
std::string renamed(TableChoice choice, const std::string& file, const std::string& name);

/// The input that a table is of, as the command line names it; members of archives are not part of that.
std::string_view input_of(const std::string& file);

std::vector<std::string_view> names_of(const Sources& sources);

/// Fails for a pattern that matches nothing; says what there is, or why what it matches was left out.
[[noreturn]] void fail_unmatched(const std::string& pattern, const Sources& sources,
                                 const std::vector<LeftOut>& left_out);

}  // namespace rowpool::tools
