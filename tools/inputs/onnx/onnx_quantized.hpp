// Tables from initializers that hold codes: the model's DequantizeLinear nodes say what these stand for.
#pragma once

#include <memory>
#include <set>
#include <string_view>

#include "support/mapped_file.hpp"
#include "tools/inputs/onnx/onnx.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

struct OnnxQuantized {
    Sources sources;
    std::set<std::string_view> taken;  ///< initializers that they are made of
};

/// The tables of a parsed model whose codes DequantizeLinear decodes, before rows are gathered or after it: each the
/// name of its codes. Codes that several nodes decode otherwise, or one does in a way that tables cannot have, are
/// none. Source: operators DequantizeLinear (versions 10 to 23) and Gather of ONNX.
OnnxQuantized quantized_tables(const std::shared_ptr<const support::MappedFile>& file, const OnnxTensors& tensors);

}  // namespace rowpool::tools
