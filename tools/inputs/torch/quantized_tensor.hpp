// Tables from tensors that PyTorch quantized: codes, and scales and zero points of the tensor, its rows or its columns.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/torch/pickle_value.hpp"

namespace rowpool::tools {

/// The format of the table that a quantized tensor of two dimensions is, or nothing: unsigned codes with a scale for
/// all or for each row keep their codes, as int8 or int4; other codes of 8 bits become f32.
std::optional<RowFormat> quantized_format(const TorchTensor& tensor);

/// Elements of a tensor of at most two dimensions; those of a vector are a column.
using MatrixOf = std::function<Matrix(const TorchTensor&, Element)>;

/// The table of a quantized tensor that has a format, as `description` says.
std::unique_ptr<Source> make_quantized_source(const std::string& file, NewTable description, const TorchTensor& tensor,
                                              const MatrixOf& matrix_of);

}  // namespace rowpool::tools
