// Tables from NumPy's files.
#pragma once

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"
#include "tools/inputs/zip/zip.hpp"

namespace rowpool::tools {

/// The matrix of a .npy file. Fails with a line that names the file and the place in it.
Sources open_npy_source(support::MappedFile file, Reading& reading);
/// Those of an .npz archive.
Sources open_npz_sources(const ZipArchive& archive, Reading& reading);

}  // namespace rowpool::tools
