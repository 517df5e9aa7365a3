// Files that are not read as they are: what they are, and what to do about them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace rowpool::tools {

/// "a GGUF model; convert ...": for a file that begins as no readable one does. Nothing for others.
std::optional<std::string> foreign_kind(std::span<const std::byte> bytes);

/// Whether a file is an index of a model that is spread over several files.
bool is_shard_index(const std::string& path, std::span<const std::byte> bytes);

}  // namespace rowpool::tools
