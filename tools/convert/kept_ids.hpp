// Which ids keep their rows: by the norms of those, or as a file lists them.
#pragma once

#include <string>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Drops the ids of rows whose L2 norm is not above `least`, of `kept_ids`, which has an element an id. Reads all rows
/// and shows progress. Fails when that leaves none of the rows of a table, which has that name.
void drop_small_rows(const Source& source, const std::string& table, double least, std::vector<bool>& kept_ids);

/// Drops the ids that a .npy file does not list. Fails when it lists what is no id of the table.
void keep_listed_ids(const std::string& path, const std::string& table, std::vector<bool>& kept_ids);

}  // namespace rowpool::tools
