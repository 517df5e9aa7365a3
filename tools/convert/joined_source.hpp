// A table whose rows are in several sources.
#pragma once

#include <memory>
#include <string>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The rows of all shards, at least one, one shard after the other, with their names. Fails, naming the shard, when one
/// has another format or number of columns than the first, lacks names where others have some, or has a remap or a
/// padding index, whose ids are not those of the joined table.
std::unique_ptr<Source> join_shards(const std::string& name, Sources shards);

}  // namespace rowpool::tools
