// Numbers with a unit behind them, as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace rowpool::tools {

/// A number and what follows it; nothing when the text does not begin with one.
std::optional<std::pair<double, std::string>> split_number(const std::string& text);

/// What parse_bytes() takes, for messages.
inline constexpr const char* kBytesForm = "number of bytes, perhaps with K, M, G, KiB, MiB or GiB";

/// Bytes: "4096", "1.5M", "32MiB"; K, M and G are powers of 1000, KiB, MiB and GiB of 1024. Parts of a byte are
/// dropped. Nothing for what is no such text, negative or above 1e18.
std::optional<std::uint64_t> parse_bytes(const std::string& text);

}  // namespace rowpool::tools
