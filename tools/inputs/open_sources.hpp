// The tables of a file of any input format.
#pragma once

#include <string>

#include "tools/inputs/packed.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The tables of a file, whose format is told by its first bytes, or by its name, or else is word-vector text.
/// Matrices of bytes are tables where `packed` says so. Fails with a line that names the file and the place in it.
Sources open_sources(const std::string& path, PackedRows& packed);
/// The same where no matrix of bytes is a table.
Sources open_sources(const std::string& path);

}  // namespace rowpool::tools
