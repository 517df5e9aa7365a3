// Lines and fields of word-vector text, and the header that word2vec's text and its binary files begin with.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rowpool::tools {

/// What stands between fields, besides the ends of lines.
bool is_blank(char c);
std::string_view without_end_blanks(std::string_view text);

/// Takes the first line off `rest`; without its newline and the blanks before that.
std::string_view take_line(std::string_view& rest);
/// Takes the first field off `rest`; empty when there is none.
std::string_view take_field(std::string_view& rest);

std::size_t count_fields(std::string_view line);
/// Where the last `count` fields of a line begin; 0 when it has no more than these.
std::size_t last_fields(std::string_view line, std::size_t count);

/// A field as f32, rounded to nearest; nothing when it is no number or does not fit.
std::optional<float> parse_f32(std::string_view field);

struct VectorHeader {
    std::size_t rows = 0;
    std::size_t dim = 0;
};

/// A line "rows dim"; nothing when the line is another.
std::optional<VectorHeader> parse_vector_header(std::string_view line);

}  // namespace rowpool::tools
