// Lines and fields of word-vector text, and the header that word2vec's text and its binary files begin with.
#include "tools/inputs/words/text_fields.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>
#include <system_error>

namespace rowpool::tools {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::optional<std::size_t> parse_count(std::string_view field) {
    std::size_t value = 0;
    const auto [end, failure] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (failure != std::errc() || end != field.data() + field.size()) return {};
    return value;
}

}  // namespace

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view without_end_blanks(std::string_view text) {
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return without_end_blanks(line);
}

std::string_view take_field(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
    const std::string_view field = rest.substr(0, std::min(rest.find_first_of(kBlanks), rest.size()));
    rest.remove_prefix(field.size());
    return field;
}

std::size_t count_fields(std::string_view line) {
    std::size_t count = 0;
    while (!take_field(line).empty()) ++count;
    return count;
}

std::size_t last_fields(std::string_view line, std::size_t count) {
    std::size_t at = line.size();
    for (std::size_t i = 0; i < count; ++i) {
        while (at > 0 && is_blank(line[at - 1])) --at;
        while (at > 0 && !is_blank(line[at - 1])) --at;
    }
    return at;
}

std::optional<float> parse_f32(std::string_view field) {
    if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
    float value = 0;
    const auto [end, failure] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (end != field.data() + field.size()) return {};
    if (failure == std::errc::result_out_of_range) {
        // from_chars says the same of a number too small, which is a tiny one or zero.
        value = std::strtof(std::string(field).c_str(), nullptr);
        if (std::isinf(value)) return {};
    } else if (failure != std::errc()) {
        return {};
    }
    return value;
}

std::optional<VectorHeader> parse_vector_header(std::string_view line) {
    const std::optional<std::size_t> rows = parse_count(take_field(line));
    const std::optional<std::size_t> dim = parse_count(take_field(line));
    if (!rows || !dim || !take_field(line).empty()) return {};
    return VectorHeader{*rows, *dim};
}

}  // namespace rowpool::tools
