// Orders the rows of a table by their access counts in a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

/// The rows that the trace looks up in `table`, which is its table at that position, by falling access count; ties are
/// in the order of ids. Ids without a row are left out. Nothing when the trace has no feature of the table.
std::optional<std::vector<std::int32_t>> rows_by_accesses(const Trace& trace, std::size_t position,
                                                          const NewTable& table);

}  // namespace rowpool::tools
