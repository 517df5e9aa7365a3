// Which widths, lengths and repetitions the exhaustive tests cover.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace rowpool::test {

/// Whether ROWPOOL_TEST_GRID=small asks for a tenth of the work, for runs under an emulator.
inline bool small_grid() {
    const char* grid = std::getenv("ROWPOOL_TEST_GRID");
    return grid != nullptr && std::string_view(grid) == "small";
}

/// Dims around every vector width and block size of every instruction set.
inline std::vector<std::size_t> grid_dims() {
    if (small_grid()) return {1, 3, 4, 7, 8, 15, 17, 33, 63, 64, 100};
    return {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 85, 96, 127, 128, 129, 163, 256, 300, 1000};
}

/// Bags of every kind of length in one call, empty ones at both ends.
inline std::vector<std::size_t> grid_lengths() {
    if (small_grid()) return {0, 1, 2, 3, 8, 0};
    return {0, 1, 2, 3, 8, 0, 100, 20, 1, 0};
}

}  // namespace rowpool::test
