// Bytes through a reader of the command, and all that it makes of them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "support/mapped_file.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::fuzz {

using OpenSources = std::function<tools::Sources(support::MappedFile file, tools::Reading& reading)>;

/// Opens a file of these bytes. When that is not refused, reads its tables: each has the rows and the names that it
/// says. What lies behind the end of the file cannot be read unnoticed.
void read_sources(std::span<const std::byte> bytes, const OpenSources& open);

/// The bytes with the CRC-32 of each stored member of the zip archive that they may be put right, so that what members
/// hold can be changed.
std::vector<std::byte> with_right_sums(std::span<const std::byte> bytes);

}  // namespace rowpool::fuzz
