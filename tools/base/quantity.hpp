// Parses numbers with units, as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace rowpool::tools {

/// A number and the text after it; nothing when the text does not begin with a number.
std::optional<std::pair<double, std::string>> split_number(const std::string& text);

/// The syntax of parse_bytes(), for messages.
inline constexpr const char* kBytesForm = "number of bytes, perhaps with K, M, G, KiB, MiB or GiB";

/// Bytes: "4096", "1.5M", "32MiB"; K, M and G are powers of 1000, KiB, MiB and GiB of 1024. Fractions of a byte are
/// dropped. Nothing when the text is malformed, negative or above 1e18.
std::optional<std::uint64_t> parse_bytes(const std::string& text);

}  // namespace rowpool::tools
