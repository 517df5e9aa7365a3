// JSON as a hostile file may hold it: parsed without recursion, refusing what plain parsers let pass.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "rowpool/status.hpp"

namespace rowpool {

/// Parses one JSON value. Error: corrupt_file when the text is not UTF-8 or not JSON, has a key twice in one object, or
/// is nested more than `max_depth` deep; the message goes on from the name of the text: "is not JSON at its byte 7".
Result<nlohmann::json> parse_strict_json(std::string_view text, std::size_t max_depth);

}  // namespace rowpool
