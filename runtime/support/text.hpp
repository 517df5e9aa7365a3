// Text from files and callers: is it UTF-8, and how is it shown in a message?
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rowpool::support {

/// Position of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7); npos when all do.
std::size_t find_invalid_utf8(std::string_view text) noexcept;

/// Whether the text has a control character (U+0000 to U+001F, U+007F to U+009F). The text is UTF-8.
bool has_control_character(std::string_view text) noexcept;

/// The text on one line and harmless to a terminal: control characters, line separators, characters that set the
/// direction of text (U+2028 to U+202E, U+2066 to U+2069), backslashes and bytes that are no UTF-8 become
/// \xNN, and what is over 100 bytes long ends in "...".
std::string printable(std::string_view text);

/// The text on one line, at its full length: '?' stands for each byte of the same characters but the backslash, and of
/// what is no UTF-8. For messages and paths; names from files are shown by printable().
std::string one_line(std::string_view text);

}  // namespace rowpool::support
