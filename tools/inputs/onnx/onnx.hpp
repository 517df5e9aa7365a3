// The initializers of ONNX models that can be tables: two-dimensional and of floats.
// Source: onnx.proto of ONNX 1.17 (ModelProto, GraphProto, TensorProto), and its docs/ExternalData.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/inputs/element.hpp"

namespace rowpool::tools {

/// Element types; the numbers are those of TensorProto.DataType.
enum class OnnxType : std::uint8_t { f32 = 1, f16 = 10, f64 = 11, bf16 = 16 };

/// Bytes of one element.
std::size_t item_bytes(OnnxType type);

/// Where a tensor says that its values lie in another file.
struct OnnxLocation {
    std::string_view path;  ///< as the model says: relative to its folder
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;
};

/// A tensor whose fields agree with each other. Views point into the model.
struct OnnxTensor {
    std::string_view name;
    OnnxType type = OnnxType::f32;
    std::size_t rows = 0;
    std::size_t dim = 0;                ///< not 0, but it may be more than a table can have
    std::size_t bytes = 0;              ///< of its values: rows * dim * item_bytes(type)
    std::span<const std::byte> values;  ///< as many bytes, unless one of the following is where they are
    std::optional<std::span<const std::byte>> varints = {};  ///< halves, each as a varint of its bits; not checked
    std::optional<OnnxLocation> external = {};
};

/// Another initializer: no table, but perhaps what should be one.
struct OnnxOther {
    std::string_view name;
    std::uint64_t type = 0;            ///< a number of TensorProto.DataType
    std::vector<std::uint64_t> shape;  ///< of two or three dimensions
};

/// Values of an initializer of at most two dimensions that lie in the model one after the other.
struct OnnxValues {
    std::string_view name;
    Element element = Element::f32;
    std::vector<std::uint64_t> shape;
    std::span<const std::byte> bytes;  ///< as many as shape and element need, unless they are:
    std::vector<std::byte> unpacked;   ///< those that the model has as varints
};

/// A node that may say what codes stand for: DequantizeLinear, or Gather, which may come before it.
struct OnnxNode {
    std::string_view op;
    std::vector<std::string_view> inputs;
    std::string_view output;
    std::optional<std::int64_t> axis;
    std::int64_t block_size = 0;
};

struct OnnxTensors {
    std::vector<OnnxTensor> tables;
    std::vector<OnnxOther> others;
    std::vector<OnnxValues> values;  ///< tables among them
    std::vector<OnnxNode> nodes;
};

/// "UINT8"; the number for what later versions add.
std::string onnx_type_name(std::uint64_t type);

/// Whether the bytes can be a model: they begin with a version, and a graph follows.
bool is_onnx(std::span<const std::byte> bytes);

/// The two-dimensional FLOAT, FLOAT16, BFLOAT16 and DOUBLE initializers of a model's graph that have columns, in its
/// order, its other matrices and stacks of them, and what may say what codes stand for; subgraphs are not looked at.
/// The file is taken as hostile: fails, naming it, the tensor and the byte, when fields are cut short or contradict
/// each other, or when two initializers have one name.
OnnxTensors parse_onnx(const std::string& path, std::span<const std::byte> bytes);

}  // namespace rowpool::tools
