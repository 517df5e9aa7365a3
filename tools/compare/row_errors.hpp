// Errors of the rows of a table relative to a source, row by row.
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

/// The error of one row relative to its source.
struct RowError {
    std::size_t row = 0;
    double relative = 0;  ///< ||decoded - source|| / ||source||; infinite for a row of zeros that changed
    double cosine = 1;    ///< of the angle between the two: 1 for two rows of zeros, 0 when only one of them is
    double max_abs = 0;   ///< largest |decoded - source|
};

/// Sums over rows. Sums of pieces, merged in the order of the pieces, do not depend on the number of threads.
///
/// Non-finite values of the source are left out, as in ErrorMetrics; where only the decoded value is non-finite, the
/// row's error is infinite and its cosine 0.
class RowErrors {
public:
    static constexpr std::size_t kWorstKept = 10;

    /// Adds all rows of two tables of the same shape; `first` is the number of their first row. Allocates some 100 KiB.
    void add(std::size_t first, const Table& source, const Table& decoded);
    void merge(const RowErrors& later);

    std::size_t rows() const { return rows_; }
    /// The number of rows with a value that differs from the source; NaN equals NaN, and 0 equals -0.
    std::size_t changed() const { return changed_; }
    /// The number of rows with an error. A value that is non-finite in the source may change without an error.
    std::size_t with_error() const;
    ErrorMetrics metrics() const;
    /// The mean cosine; 1 when there are no rows.
    double mean_cosine() const;
    double worst_cosine() const { return worst_cosine_; }
    /// The rows with the largest relative errors, in descending order; ties are in the order of the table. Rows without
    /// error are not included.
    std::span<const RowError> worst() const { return worst_; }
    /// A histogram of relative errors on a logarithmic scale; the end bins include values beyond the scale. Empty when
    /// no row has an error.
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
