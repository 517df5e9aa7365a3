// The charts of a table: its values, the norms of its rows, and the steps between codes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "tools/charts/chart.hpp"

namespace rowpool::tools {

/// A table as a page shows it.
struct ChartedTable {
    std::string name;     ///< printable
    std::string details;  ///< one line
    std::uint64_t bytes = 0;
    std::vector<Chart> charts;
};

/// The charts of all tables of a file; large tables are sampled. Shows progress.
std::vector<ChartedTable> chart_tables(const TableFile& file);

/// A PNG file with the tables one below the other, or only the largest ones when not all of them fit, and `title` on
/// top.
std::vector<std::byte> png_of(const std::string& title, std::vector<ChartedTable> tables);

/// A page with all tables; `overview`, which is HTML, comes before them.
std::string html_of(const std::string& title, const std::string& overview, const std::vector<ChartedTable>& tables);

}  // namespace rowpool::tools
