// Tables from codes of one byte and the scales that they are multiplied by.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "tools/inputs/matrix_source.hpp"

namespace rowpool::tools {

/// Numbers that blocks of a matrix share: element (i, j) has that at (i / block_rows, j / block_columns).
struct BlockNumbers {
    Matrix numbers;  ///< little-endian
    std::size_t block_rows = 1;
    std::size_t block_columns = 1;
};

/// Codes and what they stand for: (code - zero point) * scale in f64, rounded once to f32, as PyTorch dequantizes; with
/// integers and an f32 scale that is the product in f32. Without scales a code stands for itself, as 8-bit floating
/// point does.
struct ScaledCodes {
    Matrix codes;  ///< of elements of one byte
    std::optional<BlockNumbers> scales;
    std::optional<BlockNumbers> zero_points;  ///< only beside scales, and of the same blocks
};

/// The f32 table of these codes, as `description` says. read() fails for a row that has a scale or a zero point which
/// is not finite.
std::unique_ptr<Source> make_scaled_source(const std::string& file, NewTable description, ScaledCodes codes);

}  // namespace rowpool::tools
