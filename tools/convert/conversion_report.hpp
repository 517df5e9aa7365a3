// The HTML report of a conversion: `convert --report`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/compare/row_errors.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The conversion of one table.
struct ConvertedTable {
    const Source* source;
    NewTable table;           ///< as it was written
    std::string reason = {};  ///< why this format was chosen, a sentence for people
    double seconds = 0;       ///< for reading, quantizing and writing it
};

/// The errors of its rows relative to their source.
struct ConversionErrors {
    RowErrors rows;
    /// The names of rows.worst(), if the table has names; valid as long as the source.
    std::vector<std::string_view> worst_row_names = {};
};

/// Compares the tables of the new file with their sources, in the order of `converted`. Shows progress.
std::vector<ConversionErrors> measure_conversions(const std::string& output, const std::vector<ConvertedTable>& tables);

/// The page: an overview of all tables, the slowest ones, and for each table the distribution of errors and the worst
/// rows.
std::string conversion_page(const std::string& output, const std::vector<ConvertedTable>& tables,
                            const std::vector<ConversionErrors>& errors);

}  // namespace rowpool::tools
