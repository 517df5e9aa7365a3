// How many values are in each of a row of bins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rowpool::tools {

/// Bin i counts what is in [edges[i], edges[i + 1]), the last one its upper edge as well. Empty, or one edge more than
/// there are bins.
struct Histogram {
    std::vector<double> edges;
    std::vector<std::uint64_t> counts;
};

/// What a histogram does not show of the values that it was made from.
struct ValueRange {
    double least = 0;  ///< of the finite values; 0 when there are none
    double most = 0;
    std::size_t finite = 0;
    std::size_t not_finite = 0;
    std::size_t zeros = 0;
};

ValueRange range_of(std::span<const float> values);

/// Whether values of such a range, none of them negative, are better shown on a logarithmic axis: over two decades.
bool wants_log(std::span<const float> values);

/// The finite values in bins of one width from the least to the most, or around the only one. Empty without any.
Histogram linear_histogram(std::span<const float> values, std::size_t bins);

/// The finite values above 0 in bins that grow by one factor. Empty without any.
Histogram log_histogram(std::span<const float> values, std::size_t bins);

}  // namespace rowpool::tools
