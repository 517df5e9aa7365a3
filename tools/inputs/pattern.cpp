// Names of tables as the command line gives them: as a pattern.
#include "tools/inputs/pattern.hpp"

#include <fnmatch.h>

namespace rowpool::tools {

bool matches(const std::string& pattern, std::string_view name) {
    // fnmatch() ends at a NUL, so that a name with one fits what its beginning fits.
    return pattern == name || ::fnmatch(pattern.c_str(), std::string(name).c_str(), 0) == 0;
}

}  // namespace rowpool::tools
