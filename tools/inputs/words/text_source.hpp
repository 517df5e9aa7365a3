// Tables from word-vector text.
#pragma once

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The one table of a text; with a limit its first rows, and nothing is said of the others. Fails with a line that
/// names the file and the place in it.
Sources open_text_source(const support::MappedFile& file, Reading& reading);

}  // namespace rowpool::tools
