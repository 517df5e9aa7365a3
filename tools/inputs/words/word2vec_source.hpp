// Tables from word2vec's binary files.
#pragma once

#include <cstddef>
#include <span>

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Whether the bytes begin as word2vec's binary files do: with the header of its text, but what follows is no text.
bool is_word2vec(std::span<const std::byte> bytes);
/// The one table of such a file; with a limit its first rows, and nothing is said of the others. Fails with a line that
/// names the file and the place in it.
Sources open_word2vec_source(support::MappedFile file, const Reading& reading);

}  // namespace rowpool::tools
