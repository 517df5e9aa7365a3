// The files beside an ONNX model that hold values of its tensors.
#include "tools/inputs/onnx/onnx_external.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

namespace fs = std::filesystem;

std::string place(const std::string& model, const OnnxTensor& tensor) {
    return model + ": initializer " + printable(tensor.name) + ": external data " + printable(tensor.external->path);
}

/// A location of the form that ONNX allows; links are not looked at.
bool is_relative_down(const std::string& location) {
    const fs::path path(location);
    return !location.empty() && location.find('\0') == std::string::npos && path.is_relative() &&
           std::find(path.begin(), path.end(), "..") == path.end();
}

bool lies_in(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

std::string path_of(const std::string& model, const OnnxTensor& tensor) {
    const std::string location(tensor.external->path);
    if (!is_relative_down(location)) fail(place(model, tensor), ": is no path within the model's folder");
    const fs::path folder = fs::path(model).has_parent_path() ? fs::path(model).parent_path() : fs::path(".");
    std::error_code failure;
    const fs::path real_folder = fs::canonical(folder, failure);
    const fs::path real_path = failure ? fs::path() : fs::canonical(folder / location, failure);
    if (failure) fail(place(model, tensor), ": ", failure.message());
    // In a cache of Hugging Face's the model and its data are links into one folder.
    const fs::path real_model = fs::canonical(model, failure);
    const bool beside = !failure && real_path.parent_path() == real_model.parent_path();
    if (!beside && !lies_in(real_path, real_folder)) {
        fail(place(model, tensor), ": a symbolic link leads out of the model's folder; copy the file into it");
    }
    return (folder / location).string();
}

}  // namespace

SharedBytes OnnxExternalFiles::values(const OnnxTensor& tensor) {
    const OnnxLocation& location = *tensor.external;
    const std::string path = path_of(model_, tensor);
    auto file = files_.find(path);
    if (file == files_.end()) file = files_.emplace(path, value_of(support::MappedFile::open(path))).first;
    const std::span<const std::byte> bytes = file->second.bytes();
    if (location.length.value_or(tensor.bytes) != tensor.bytes) {
        fail(place(model_, tensor), ": its length is ", *location.length, " bytes, but ", tensor.rows, " x ",
             tensor.dim, " elements of ", item_bytes(tensor.type), " bytes are ", tensor.bytes);
    }
    if (location.offset > bytes.size() || tensor.bytes > bytes.size() - location.offset) {
        fail(place(model_, tensor), ": has ", bytes.size(), " bytes, but the values are ", tensor.bytes, " from byte ",
             location.offset, " on");
    }
    return {std::make_shared<support::MappedFile>(file->second), bytes.subspan(location.offset, tensor.bytes)};
}

}  // namespace rowpool::tools
