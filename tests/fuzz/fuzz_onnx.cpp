// Any bytes as an ONNX model.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/onnx/onnx_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) { read_sources(bytes, tools::open_onnx_sources); }
