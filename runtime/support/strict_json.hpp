// A JSON parser for hostile files: no recursion, and stricter than common parsers.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// The maximum number of dimensions in PyTorch and NumPy: a longer list in the header of a table file only serves to
/// exhaust memory.
inline constexpr std::size_t kMostDimensions = 64;

/// Parses one JSON value. Error: corrupt_file when the text is not UTF-8 or not JSON, has a key twice in one object, is
/// nested more than `max_depth` deep, or has a list of more than `longest_list` elements. The message continues the
/// caller's name of the text: "is not JSON at its byte 7".
Result<nlohmann::json> parse_strict_json(std::string_view text, std::size_t max_depth,
                                         std::size_t longest_list = kMostDimensions);

}  // namespace rowpool::support
