// The page that says what a conversion did: `convert --report`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/compare/row_errors.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// What was done to one table.
struct ConvertedTable {
    const Source* source;
    NewTable table;           ///< as it was written
    std::string reason = {};  ///< why in this format, a sentence for people
    double seconds = 0;       ///< that reading, quantizing and writing it took
};

/// How far its rows then are from their source.
struct ConversionErrors {
    RowErrors rows;
    /// Those of rows.worst(), if the table has names; they last as long as the conversion's source.
    std::vector<std::string_view> worst_row_names = {};
};

/// Compares the tables of the new file with their sources, in that order. Shows progress.
std::vector<ConversionErrors> measure_conversions(const std::string& output, const std::vector<ConvertedTable>& tables);

/// The page: all tables in short, the slowest ones, and each with the distribution of its errors and its worst rows.
std::string conversion_page(const std::string& output, const std::vector<ConvertedTable>& tables,
                            const std::vector<ConversionErrors>& errors);

}  // namespace rowpool::tools
