// A sample of a table's decoded rows, from which its charts are made.
#pragma once

#include <cstddef>
#include <vector>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// The contents of sampled rows.
struct RowSample {
    std::size_t rows = 0;       ///< how many
    std::vector<float> values;  ///< all values, decoded
    std::vector<float> norms;   ///< L2 norms of the rows
    std::vector<float> steps;   ///< of a coded table: the scales, which are the steps between codes
};

/// Decodes at most `runs` runs of consecutive rows, each of about 4096 values: one at each end of the table, and the
/// others spread evenly between. A table with no more values than that is decoded whole. The choice is deterministic.
RowSample sample_rows(const Table& table, std::size_t runs);

}  // namespace rowpool::tools
