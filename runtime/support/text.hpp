// Text from files and callers: UTF-8 validation, and printable forms for messages.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rowpool::support {

/// The bytes as characters, whatever their encoding.
inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Position of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7); npos when all do.
std::size_t find_invalid_utf8(std::string_view text) noexcept;

/// Whether the text has a control character (U+0000 to U+001F, U+007F to U+009F). The text is UTF-8.
bool has_control_character(std::string_view text) noexcept;

/// The text on one line and safe for a terminal: control characters, line separators, direction controls (U+2028 to
/// U+202E, U+2066 to U+2069), backslashes and bytes that are not UTF-8 become \xNN, and texts of more than 100 bytes
/// end in "...".
std::string printable(std::string_view text);

/// The text on one line, in full: each byte of the same characters except the backslash, and each byte that is not
/// UTF-8, becomes '?'. For messages and paths; names from files are shown by printable().
std::string one_line(std::string_view text);

/// The first few names, in printable form, and how many more there are.
std::string listed(std::span<const std::string_view> names);

}  // namespace rowpool::support
