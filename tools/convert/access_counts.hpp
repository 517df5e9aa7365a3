// How often the rows of tables are looked up in a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

/// The rows of `table` that the features of a trace at that position look up: those that are looked up most come first,
/// of equals the one with the lowest id. Ids without a row are left out. Nothing when no feature is of the table.
std::optional<std::vector<std::int32_t>> rows_by_accesses(const Trace& trace, std::size_t position,
                                                          const NewTable& table);

}  // namespace rowpool::tools
