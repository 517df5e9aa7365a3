// The tables of a file of any input format.
#pragma once

#include <string>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The tables of a file, whose format is told by its first bytes, or by its name, or else is word-vector text. What
/// looks like an embedding and is no table goes to `reading`. Fails with a line that names the file and the place in
/// it.
Sources open_sources(const std::string& path, Reading& reading);
/// The same where nothing is said of how to read it.
Sources open_sources(const std::string& path);

}  // namespace rowpool::tools
