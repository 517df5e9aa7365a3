// Accumulates ErrorMetrics piece by piece.
#pragma once

#include <cstddef>
#include <span>

#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::tools {

/// The sums behind ErrorMetrics, and no more: convert makes them of every row on its way, which RowErrors would slow.
/// Sums of pieces, merged in the order of the pieces, do not depend on the number of threads.
class ErrorSums {
public:
    /// Adds all values of two tables of one shape. Values whose source is non-finite are left out.
    void add(const Table& source, const Table& decoded);
    void merge(const ErrorSums& other);
    ErrorMetrics metrics() const;

private:
    void add_values(std::span<const float> source, std::span<const float> decoded);

    double max_abs_ = 0;
    double error_squares_ = 0;
    double source_squares_ = 0;
};

}  // namespace rowpool::tools
