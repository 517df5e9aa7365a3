// What --join makes of the tables that were read: shards of one table become that.
#pragma once

#include <string>
#include <vector>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The sources, with a joined one in the place of the shards of each new name: those of its options one after the
/// other, those of one option in the order of the number in their names, or in their files' where they have one name.
/// Fails when an option matches nothing or what was left out, a number is missing, a table is wanted twice, or shards
/// do not fit each other.
Sources join_tables(Sources sources, const std::vector<std::string>& options, const Reading& reading);

}  // namespace rowpool::tools
