// Tables from fastText's models.
#pragma once

#include <cstddef>
#include <span>

#include "support/mapped_file.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Whether the bytes begin as a fastText model does. No text begins so.
bool is_fasttext(std::span<const std::byte> bytes);
/// The input matrix of a model. Fails with a line that names the file and the place in it.
Sources open_fasttext_source(support::MappedFile file);

}  // namespace rowpool::tools
