// Rows of a table as text.
#pragma once

#include <string>

#include "rowpool/table_file.hpp"

namespace rowpool::tools {

/// Prints the decoded rows that `choice` names, "TABLE[:FIRST[-LAST]]", a line a row: its number, its name if it has
/// one, and its values to as many digits as tell them from all others. Only the number of the row that ends the choice
/// follows its last colon, so that names may hold colons; the whole choice is taken as a name when there is such a
/// table. Fails when there is no such table or row.
void print_rows(const TableFile& file, const std::string& choice);

}  // namespace rowpool::tools
