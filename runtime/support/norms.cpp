// Norms of rows.
#include "support/norms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rowpool::support {

double norm_of(std::span<const float> row, double p) noexcept {
    double largest = 0;
    double smallest = std::numeric_limits<double>::infinity();
    double sum = 0;
    for (const float x : row) {
        const double size = std::abs(static_cast<double>(x));
        if (std::isnan(size)) return size;
        largest = std::max(largest, size);
        smallest = std::min(smallest, size);
        sum += p == 2 ? size * size : p == 1 ? size : p == 0 ? (size != 0 ? 1 : 0) : std::pow(size, p);
    }
    if (std::isinf(p)) return p > 0 ? largest : smallest;
    return p == 2 ? std::sqrt(sum) : p == 1 || p == 0 ? sum : std::pow(sum, 1 / p);
}

bool renorm(std::span<float> row, double max_norm, double p) noexcept {
    const auto norm = static_cast<double>(static_cast<float>(norm_of(row, p)));
    if (!(norm > max_norm)) return false;
    const auto factor = static_cast<float>(max_norm / (norm + 1e-7));
    for (float& x : row) x *= factor;
    return true;
}

}  // namespace rowpool::support
