// Tables from codes here and scales elsewhere that keep their codes: rows of a coded format are put together.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tools/inputs/matrix_source.hpp"

namespace rowpool::tools {

/// The parts of coded rows, all with a row for each of the table. A value is scale * code + bias of its row, or
/// scale * (code - zero point).
struct CodedParts {
    Matrix codes;                       ///< of bytes: the codes of a row as its format packs them
    Matrix scales;                      ///< a column
    std::optional<Matrix> biases;       ///< a column; else there are zero points
    std::optional<Matrix> zero_points;  ///< a column
};

/// The table of these parts, in the coded format that `description` says. Codes are taken as they are, and so are
/// scales and biases, rounded to f16 where the format has them so. The bias of a zero point is -zero_point * scale in
/// f32, as torch.ops.quantized.embedding_bag_prepack has it (qembeddingbag_prepack.cpp). read() fails for a row whose
/// scale or bias is not finite.
std::unique_ptr<Source> make_coded_source(const std::string& file, NewTable description, CodedParts parts);

}  // namespace rowpool::tools
