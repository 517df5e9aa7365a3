// Decides which ids keep their rows: by row norm, or by a list in a file.
#pragma once

#include <string>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Clears the elements of `kept_ids`, one per id, whose rows have an L2 norm not above `least`. Reads all rows and
/// shows progress. Fails, naming the table, when no row is left.
void drop_small_rows(const Source& source, const std::string& table, double least, std::vector<bool>& kept_ids);

/// Clears the ids that a .npy file does not list. Fails when it lists a number that is not an id of the table.
void keep_listed_ids(const std::string& path, const std::string& table, std::vector<bool>& kept_ids);

}  // namespace rowpool::tools
