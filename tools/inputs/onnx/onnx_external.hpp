// The files beside an ONNX model that hold values of its tensors.
#pragma once

#include <map>
#include <string>

#include "support/mapped_file.hpp"
#include "tools/base/memory.hpp"
#include "tools/inputs/onnx/onnx.hpp"

namespace rowpool::tools {

/// Maps such files, each once. Not thread safe; what it has returned is.
class OnnxExternalFiles {
public:
    /// `model` is the path of the model, which must outlive this.
    explicit OnnxExternalFiles(const std::string& model) : model_(model) {}

    /// The values of a tensor that has `external`. Fails, naming model, tensor and file, when that cannot be mapped or
    /// lies outside the model's folder, as the path itself or a symbolic link in it has it, and when it ends before the
    /// values do or they have another length.
    SharedBytes values(const OnnxTensor& tensor);

private:
    const std::string& model_;
    std::map<std::string, support::MappedFile> files_;
};

}  // namespace rowpool::tools
