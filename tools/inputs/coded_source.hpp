// Tables from tensors that PyTorch quantized by rows: codes here, scales and zero points elsewhere.
#pragma once

#include <memory>
#include <string>

#include "tools/inputs/matrix_source.hpp"

namespace rowpool::tools {

/// The parts of a quantized tensor; a value is scale * (code - zero point) of its row.
struct QuantizedParts {
    Matrix codes;        ///< of bytes: the codes of an int8 row, or the packed ones of an int4 row
    Matrix scales;       ///< a column of f32 or f64
    Matrix zero_points;  ///< a column of f32 or f64
};

/// The int8 or int4 table of these parts, as `description` says. Codes are taken as they are; the bias of a row is
/// -zero_point * scale in f32, and for int4 both are rounded to f16, as torch.ops.quantized.embedding_bag_prepack has
/// it (qembeddingbag_prepack.cpp). read() fails for a row whose scale or bias is not finite.
std::unique_ptr<Source> make_quantized_source(const std::string& file, NewTable description, QuantizedParts parts);

}  // namespace rowpool::tools
