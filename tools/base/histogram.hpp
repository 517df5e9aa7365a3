// Histograms: the number of values in each of several adjacent bins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rowpool::tools {

/// Bin i counts the values in [edges[i], edges[i + 1]); the last bin includes its upper edge. Empty, or with one edge
/// more than bins.
struct Histogram {
    std::vector<double> edges;
    std::vector<std::uint64_t> counts;
};

/// Statistics of the values that a histogram does not show.
struct ValueRange {
    double least = 0;  ///< of the finite values; 0 when there are none
    double most = 0;
    std::size_t finite = 0;
    std::size_t not_finite = 0;
    std::size_t zeros = 0;
};

ValueRange range_of(std::span<const float> values);

/// Whether non-negative values of this range are better shown on a logarithmic axis, because they span more than two
/// decades.
bool wants_log(std::span<const float> values);

/// The finite values in bins of equal width from the smallest to the largest value, or around a single value. Empty
/// without finite values.
Histogram linear_histogram(std::span<const float> values, std::size_t bins);

/// The finite values above 0 in bins of equal logarithmic width. Empty without such values.
Histogram log_histogram(std::span<const float> values, std::size_t bins);

}  // namespace rowpool::tools
