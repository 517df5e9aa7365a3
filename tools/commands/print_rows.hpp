// Prints rows of a table as text.
#pragma once

#include <string>

#include "rowpool/table_file.hpp"

namespace rowpool::tools {

/// Prints the decoded rows that `choice`, "TABLE[:FIRST[-LAST]]", names, one per line: number, name if there is one,
/// and values with as many digits as are needed to tell them from all other floats. Only text after the last colon is a
/// row number, so that names may contain colons; if the whole choice is the name of a table, it is taken as one. Fails
/// when there is no such table or row.
void print_rows(const TableFile& file, const std::string& choice);

}  // namespace rowpool::tools
