// UTF-8 checks and the printable form of names.
#include "support/text.hpp"

#include <algorithm>
#include <cstdint>

namespace rowpool::support {
namespace {

constexpr std::size_t kLongestShown = 100;
constexpr std::size_t kMostListed = 5;

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept { return static_cast<std::uint8_t>(text[i]); }

bool between(std::uint8_t byte, int low, int high) noexcept { return low <= byte && byte <= high; }

/// The number of bytes of a character that starts with `lead`; 0 if `lead` cannot start one.
std::size_t length_by_lead(std::uint8_t lead) noexcept {
    if (lead < 0x80) return 1;
    if (between(lead, 0xc2, 0xdf)) return 2;
    if (between(lead, 0xe0, 0xef)) return 3;
    if (between(lead, 0xf0, 0xf4)) return 4;
    return 0;
}

/// Checks the second byte, which excludes overlong forms, surrogates and numbers above U+10FFFF.
bool second_byte_fits(std::uint8_t lead, std::uint8_t second) noexcept {
    const int low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const int high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return between(second, low, high);
}

/// The number of bytes of the well-formed character at the start of a text that is not empty; 0 if there is none.
std::size_t character_length(std::string_view text) noexcept {
    const std::size_t length = length_by_lead(byte_at(text, 0));
    if (length > text.size()) return 0;
    if (length > 1 && !second_byte_fits(byte_at(text, 0), byte_at(text, 1))) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if (!between(byte_at(text, i), 0x80, 0xbf)) return 0;
    }
    return length;
}

bool is_control(std::string_view character) noexcept {
    const std::uint8_t lead = byte_at(character, 0);
    return lead < 0x20 || lead == 0x7f || (lead == 0xc2 && byte_at(character, 1) < 0xa0);
}

/// Line separators, and direction controls, which could make a text look like another one.
bool changes_lines(std::string_view character) noexcept {
    if (character.size() != 3 || byte_at(character, 0) != 0xe2) return false;
    return (byte_at(character, 1) == 0x80 && between(byte_at(character, 2), 0xa8, 0xae)) ||
           (byte_at(character, 1) == 0x81 && between(byte_at(character, 2), 0xa6, 0xa9));
}

/// A character, or a byte that is not part of a well-formed one.
struct Taken {
    std::string_view bytes;
    bool is_harmless;  ///< well-formed, and not a control character
};

/// Takes the first one off a text that is not empty.
Taken take_character(std::string_view& text) {
    const std::size_t length = character_length(text);
    const std::string_view bytes = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(bytes.size());
    return {bytes, length > 0 && !is_control(bytes) && !changes_lines(bytes)};
}

void append_escaped(std::string& out, std::string_view bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out += "\\x";
        out += kDigits[byte_at(bytes, i) >> 4];
        out += kDigits[byte_at(bytes, i) & 15];
    }
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text.substr(i));
        if (length == 0) return i;
        i += length;
    }
    return std::string_view::npos;
}

bool has_control_character(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); i += character_length(text.substr(i))) {
        if (is_control(text.substr(i))) return true;
    }
    return false;
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (out.size() >= kLongestShown) return out + "...";
        const auto [character, is_harmless] = take_character(text);
        if (is_harmless && character != "\\") {
            out += character;
        } else {
            append_escaped(out, character);
        }
    }
    return out;
}

std::string one_line(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto [character, is_harmless] = take_character(text);
        out += is_harmless ? std::string(character) : std::string(character.size(), '?');
    }
    return out;
}

std::string listed(std::span<const std::string_view> names) {
    std::string text;
    const std::size_t shown = std::min(names.size(), kMostListed);
    for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + printable(names[i]);
    if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
    return text;
}

}  // namespace rowpool::support
