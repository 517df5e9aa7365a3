// Parses numbers as people write them, with units or in a range.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

/// A number and the text after it; nothing when the text does not begin with a number.
std::optional<std::pair<double, std::string>> split_number(const std::string& text);

/// The syntax of parse_bytes(), for messages.
inline constexpr const char* kBytesForm = "number of bytes, perhaps with K, M, G, KiB, MiB or GiB";

/// Bytes: "4096", "1.5M", "32MiB"; K, M and G are powers of 1000, KiB, MiB and GiB of 1024. Fractions of a byte are
/// dropped. Nothing when the text is malformed, negative or above 1e18.
std::optional<std::uint64_t> parse_bytes(const std::string& text);

/// Parses all of `text` as a number in [least, most]. A WrongUsage names the option, the range and the kind of number.
template <class T>
T parse_number(const std::string& option, const std::string& text, T least, T most, const char* kind) {
    T value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc() || stop != end || !(value >= least && value <= most)) {
        fail_usage(option, '\'', printable(text), "' is no ", kind, " from ", least, " to ", most);
    }
    return value;
}

}  // namespace rowpool::tools
