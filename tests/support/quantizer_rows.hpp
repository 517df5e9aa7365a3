// Rows to quantize: ordinary ones, and ones on which a quantizer can go wrong.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/random.hpp"

namespace rowpool::test {

/// Values around a random centre with a random spread, both of any size from 1e-12 to 1e5.
inline std::vector<float> random_row(Random& random, std::size_t dim) {
    const float spread = std::pow(10.0f, random.uniform(-12, 5));
    const float centre = random.below(2) == 0 ? 0.0f : random.uniform(-1, 1) * std::pow(10.0f, random.uniform(-12, 5));
    std::vector<float> row(dim);
    for (float& value : row) value = centre + spread * random.uniform(-1, 1);
    return row;
}

/// Constant rows, ties, zeros of both signs, tiny and huge ranges, minima that round past the maximum in f16, and rows
/// that no coded format or not every format can hold.
inline std::vector<std::vector<float>> hard_rows() {
    using Limits = std::numeric_limits<float>;
    const float infinity = Limits::infinity();
    const float tiny = Limits::denorm_min();
    return {{0.0f},
            {-0.0f},
            {1.0f, 1.0f, 1.0f, 1.0f},
            {0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f, -0.0f, 0.0f},
            {0.0f, 0.5f, 1.5f, 2.5f, 255.0f},
            {0.0f, 0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f, 7.5f, 15.0f},
            {0.0f, 0.5f, 1.5f, 2.5f, 3.0f},
            {0.0f, 1e-9f, 5e-9f, 1e-8f},
            {1e-9f, 2e-9f},
            {0.0f, 1e-7f},
            {0.0f, 6e-8f},
            {0.0f, 2.9e-8f},
            {0.0f, 1e-4f, 4e-4f},
            {0.0f, tiny, 2 * tiny},
            {-tiny, tiny},
            {1000.3f, 1000.4f},
            {1000.3f, 1000.3f},
            {-1000.3f, -1000.4f},
            {0.0f, 1e6f, 2e6f, 3e6f},
            {-1e5f, 0.0f, 1.0f, 2.0f},
            {65504.0f, -65504.0f},
            {65519.0f, 0.0f},
            {65520.0f, 65520.0f},
            {-65520.0f, 0.0f},
            {0.0f, 65504.0f * 3},
            {0.0f, 65504.0f * 15, 1.0f},
            {0.0f, 65520.0f * 255, 1.0f},
            {Limits::max(), 0.0f},
            {Limits::max(), Limits::lowest()},
            {Limits::max() / 2, Limits::lowest() / 2},
            {Limits::max(), Limits::max()},
            {infinity, 0.0f},
            {0.0f, 1.0f, -infinity},
            {1.0f, std::nanf(""), 2.0f},
            {std::nanf("")}};
}

}  // namespace rowpool::test
