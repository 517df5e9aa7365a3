// How names, sizes and shapes are shown to people.
#include "tools/base/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

namespace rowpool::tools {

namespace {

std::string formatted(const char* format, double value, const char* unit = "") {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value, unit);
    return text.data();
}

constexpr std::size_t kLongestShown = 100;
constexpr std::size_t kMostListed = 5;

/// A run of bytes that is one character, or one byte that belongs to none.
struct Character {
    std::size_t bytes;
    bool harmless;  ///< well-formed UTF-8 and no control character, of terminals or of the direction of text
};

/// Whether a character ends a line or sets the direction of what follows it, so that a text looks like another one.
bool changes_lines(std::uint32_t code) {
    return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
    static constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};  // shorter forms exist below
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return {1, byte(0) >= 0x20 && byte(0) != 0x7f};
    const auto length = static_cast<std::size_t>(std::countl_one(byte(0)));
    if (length == 1 || length > 4 || length > text.size()) return {1, false};
    std::uint32_t code = byte(0) & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (byte(i) >> 6 != 2) return {1, false};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLeast[length] || code > 0x10ffff || surrogate) return {1, false};
    return {length, code >= 0xa0 && !changes_lines(code)};
}

std::string escaped(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        std::array<char, 8> code{};
        std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
        text += code.data();
    }
    return text;
}

}  // namespace

std::string printable(std::string_view name) {
    std::string shown;
    while (!name.empty()) {
        if (shown.size() >= kLongestShown) return shown + "...";
        const auto [bytes, harmless] = first_character(name);
        const std::string_view character = name.substr(0, bytes);
        shown += harmless && character != "\\" ? std::string(character) : escaped(character);
        name.remove_prefix(bytes);
    }
    return shown;
}

std::string one_line(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const auto [bytes, harmless] = first_character(text);
        shown += harmless ? std::string(text.substr(0, bytes)) : std::string(bytes, '?');
        text.remove_prefix(bytes);
    }
    return shown;
}

std::string joined(std::span<const std::string_view> texts, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < texts.size(); ++i) (text += i == 0 ? "" : separator) += texts[i];
    return text;
}

std::string listed(std::span<const std::string_view> names) {
    std::string text;
    const std::size_t shown = std::min(names.size(), kMostListed);
    for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + printable(names[i]);
    if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
    return text;
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return std::to_string(bytes) + " bytes";
    double size = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    for (; size >= 999.95; ++unit) size /= 1000;
    return formatted("%.1f %s", size, kUnits[unit]);
}

std::string short_number(double value) { return formatted("%.3g%s", value); }

std::string cosine_text(double cosine) { return formatted("%.6f%s", cosine); }

std::string shape_text(std::span<const std::size_t> shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace rowpool::tools
