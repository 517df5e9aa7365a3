// Tables from safetensors files, rowpool's own ones included.
#pragma once

#include "tools/inputs/input_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The tables of a file, and its tensors that can be made into some. Fails with a line that names the file and the
/// place in it.
Sources open_table_sources(const InputFile& input, Reading& reading);

}  // namespace rowpool::tools
