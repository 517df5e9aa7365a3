// Tables from PyTorch checkpoints.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"
#include "tools/inputs/zip/zip.hpp"

namespace rowpool::tools {

/// Whether an archive is a PyTorch checkpoint.
bool is_checkpoint(const ZipArchive& archive);
/// A checkpoint's two-dimensional tensors of floats and its embeddings that PyTorch quantized. Fails with a line that
/// names the file and the place in it, as it does for an archive that is no checkpoint.
Sources open_checkpoint_sources(const ZipArchive& archive, Reading& reading);
/// Those of the names, of what is in the dict that a checkpoint is, that are not in it.
std::vector<std::string_view> missing_from_checkpoint(const ZipArchive& archive,
                                                      std::span<const std::string_view> names);
/// Fails with what to do about it when the bytes begin as checkpoints did that are no zip archives.
void refuse_old_checkpoint(const std::string& path, std::span<const std::byte> bytes);

}  // namespace rowpool::tools
