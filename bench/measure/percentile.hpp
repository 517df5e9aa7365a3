// Percentiles of what was measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace rowpool::bench {

/// The smallest of the values that at least this share of them does not exceed; share in (0, 1], at least one value.
inline double percentile(std::vector<double> values, double share) {
    const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto at = values.begin() + std::max<std::ptrdiff_t>(rank - 1, 0);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace rowpool::bench
