// Tables from a model that is spread over several safetensors files.
#pragma once

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The tables of all files that an index names. Fails with a line that names the file and the place in it.
Sources open_sharded_sources(const support::MappedFile& index, Reading& reading);

}  // namespace rowpool::tools
