// Tables from safetensors files, rowpool's own ones included.
#pragma once

#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "tools/inputs/input_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/scaled_tensors.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The tables of a file, and its tensors that can be made into some. Fails with a line that names the file and the
/// place in it.
Sources open_table_sources(const InputFile& input, Reading& reading);

/// The tensors of a file that may be codes or their scales. They keep the file open.
std::vector<CodePart> code_parts(const TableFile& file);

/// The same as open_table_sources() of a file that may lack scales of its codes, and may have those of other files'
/// codes: `scaled` knows them all. `path` is what sources name. No table is no error.
Sources open_table_sources(const std::string& path, const TableFile& file, const ScaledTensors& scaled,
                           Reading& reading);

}  // namespace rowpool::tools
