// How far the rows of a table are from those of another, row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"
#include "tools/base/histogram.hpp"

namespace rowpool::tools {

/// How far one row is from its source.
struct RowError {
    std::size_t row = 0;
    double relative = 0;  ///< ||decoded - source|| / ||source||; infinite for a row of zeros that did not stay so
    double cosine = 1;    ///< of the angle between the two: 1 for two rows of zeros, 0 when only one of them is
    double max_abs = 0;   ///< largest |decoded - source|
};

/// Sums over rows. Those of pieces, merged in the order of the pieces, do not depend on who made them.
///
/// Where the source is not finite its value is left out, as in ErrorMetrics; where only the decoded value is not finite
/// the row's error is infinite and its cosine 0.
class RowErrors {
public:
    static constexpr std::size_t kWorstKept = 10;

    /// Adds all rows of two tables of one shape, the first of which has the number `first`. Allocates some 100 KiB.
    void add(std::size_t first, const Table& source, const Table& decoded);
    void merge(const RowErrors& later);

    std::size_t rows() const { return rows_; }
    /// Rows with a value that differs from the source's; two NaNs do not differ, 0 and -0 do not.
    std::size_t changed() const { return changed_; }
    /// Rows with an error. A value that is not finite in the source may have changed without one.
    std::size_t with_error() const;
    ErrorMetrics metrics() const;
    /// 1 when there are no rows.
    double mean_cosine() const;
    double worst_cosine() const { return worst_cosine_; }
    /// The rows of the largest relative errors, the worst first, of equal ones the first in the table. None is without
    /// error.
    std::span<const RowError> worst() const { return worst_; }
    /// Rows by relative error, on a logarithmic scale; the end bins hold what is beyond the scale. Empty when no row
    /// has an error.
    Histogram distribution() const;

private:
    static constexpr std::size_t kBinsPerDecade = 16;
    static constexpr int kLeastDecade = -9;
    static constexpr int kMostDecade = 1;
    static constexpr std::size_t kBins = (kMostDecade - kLeastDecade) * kBinsPerDecade;

    void add_row(std::size_t row, std::span<const float> source, std::span<const float> decoded);
    void note_error(const RowError& error);
    void keep_worst(const RowError& error);

    std::size_t rows_ = 0;
    std::size_t changed_ = 0;
    double max_abs_ = 0;
    double error_squares_ = 0;
    double source_squares_ = 0;
    double cosines_ = 0;
    double worst_cosine_ = 1;
    std::vector<RowError> worst_;
    std::array<std::uint64_t, kBins> bins_{};
};

}  // namespace rowpool::tools
