// Decodes two tables side by side, a piece at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "rowpool/quantize.hpp"
#include "rowpool/table.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/rows.hpp"

namespace rowpool::tools {

/// Calls take(first, source, decoded) with the decoded values of corresponding rows, from row `first` on, of two tables
/// of the same shape, for all rows from front to back. Two pieces fit in the L2 cache of a core.
template <class Take>
void for_each_piece(const Table& source, const Table& decoded, const Take& take) {
    static constexpr std::size_t kPieceBytes = std::size_t{32} << 10;
    const std::size_t dim = source.dim();
    const std::size_t step = rows_in(kPieceBytes, dim);
    std::vector<float> wanted(std::min(step, source.rows()) * dim);
    std::vector<float> found(wanted.size());
    for (std::size_t row = 0; row < source.rows(); row += step) {
        const std::size_t values = std::min(step, source.rows() - row) * dim;
        check(dequantize_rows(source, row, std::span(wanted).first(values)));
        check(dequantize_rows(decoded, row, std::span(found).first(values)));
        take(row, std::span<const float>(wanted).first(values), std::span<const float>(found).first(values));
    }
}

}  // namespace rowpool::tools
