// The charts of a table: its values, the norms of its rows, and how finely they are coded.
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

/// The charts of all tables of a file, from a sample of their rows where they are large. Shows progress.
std::vector<ChartedTable> chart_tables(const TableFile& file);

/// The tables in a picture, one below the other. When not all find a place in it, the largest ones. `title` stands on
/// top. The bytes of a PNG file.
std::vector<std::byte> png_of(const std::string& title, std::vector<ChartedTable> tables);

/// The tables on a page; `overview`, which is HTML, comes before them.
std::string html_of(const std::string& title, const std::string& overview, const std::vector<ChartedTable>& tables);

}  // namespace rowpool::tools
