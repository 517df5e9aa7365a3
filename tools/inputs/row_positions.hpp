// Where rows begin that have no fixed size.
#pragma once

#include <cstddef>
#include <vector>

#include "tools/base/rows.hpp"

namespace rowpool::tools {

/// Positions of some rows, noted in one pass over all: enough of them to find any row at once, few beside the rows.
class RowPositions {
public:
    /// A row and where it begins.
    struct RowStart {
        std::size_t row;
        std::size_t position;
    };

    /// Of rows of `dim` values each.
    explicit RowPositions(std::size_t dim) : step_(rows_in(kValueBytes, dim)) {}

    /// Whether the position of a row is kept.
    bool keeps(std::size_t row) const { return row % step_ == 0; }
    /// Takes the position of a row that is kept; they come in the order of the rows.
    void add(std::size_t position) { positions_.push_back(position); }
    /// The last row at or before `row` whose position was kept.
    RowStart before(std::size_t row) const { return {row / step_ * step_, positions_[row / step_]}; }

private:
    static constexpr std::size_t kValueBytes = std::size_t{16} << 10;  // as f32, from one kept position to the next

    std::size_t step_;
    std::vector<std::size_t> positions_;
};

}  // namespace rowpool::tools
