// Names of tables as the command line gives them: as a pattern.
#pragma once

#include <string>
#include <string_view>

namespace rowpool::tools {

/// Whether a name is the pattern, or fits it as names of files do in a shell: *, ?, [abc]. A '/' is like any other.
bool matches(const std::string& pattern, std::string_view name);

}  // namespace rowpool::tools
