// The central directory of a zip archive: what members it has and where.
#pragma once

#include <vector>

#include "support/mapped_file.hpp"
#include "tools/inputs/zip/zip.hpp"

namespace rowpool::tools {

/// All members, checked as ZipArchive says, but for names that repeat.
std::vector<ZipMember> read_zip_directory(const support::MappedFile& file);

}  // namespace rowpool::tools
