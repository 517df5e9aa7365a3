// Percentiles of measurements.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace rowpool::bench {

/// The smallest value that at least this share of the values does not exceed. `share` is in (0, 1]; there is at least
/// one value.
inline double percentile(std::vector<double> values, double share) {
    const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto at = values.begin() + std::max<std::ptrdiff_t>(rank - 1, 0);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace rowpool::bench
