// Tables from ONNX models.
#pragma once

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// A model's two-dimensional initializers of floats. Fails with a line that names the file and the place in it.
Sources open_onnx_sources(support::MappedFile file, Reading& reading);

}  // namespace rowpool::tools
