// Some rows of a table, decoded: what the plots of a table of any size are made from.
#pragma once

#include <cstddef>
#include <vector>

#include "rowpool/table.hpp"

namespace rowpool::tools {

/// What a few rows of a table hold.
struct RowSample {
    std::size_t rows = 0;       ///< how many
    std::vector<float> values;  ///< all of theirs, decoded
    std::vector<float> norms;   ///< their L2 norms
    std::vector<float> steps;   ///< of a coded table: their scales, by which neighbouring codes differ
};

/// Decodes at most `runs` runs of rows, one of them at each end of the table and the others evenly between, each of
/// about 4096 values; a table that has no more than that is taken whole. The same rows every time.
RowSample sample_rows(const Table& table, std::size_t runs);

}  // namespace rowpool::tools
