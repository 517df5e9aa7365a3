// How much of a file of word vectors has its first rows.
#include "tools/inputs/words/row_counter.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "rowpool/types.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/words/text_fields.hpp"
#include "tools/inputs/words/word2vec_source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kMoreLines = 2;  // a header, and the one after the first row, which may tell what a name is

bool is_text(std::string_view text) {
    return !text.empty() && (text.front() >= ' ' || is_blank(text.front()) || text.front() < 0) &&
           text.find('\0') == text.npos;
}

}  // namespace

std::optional<RowCounter> RowCounter::of(std::span<const std::byte> beginning, std::size_t limit) {
    const std::string_view text = as_text(beginning);
    if (is_word2vec(beginning)) {
        std::string_view rows = text;
        const std::optional<VectorHeader> header = parse_vector_header(take_line(rows));
        if (!header || header->dim > kMaxDim) return {};
        const std::size_t parts = std::min(limit, header->rows) + 1;  // the header is one
        return RowCounter(parts, header->dim * sizeof(float), text.size() - rows.size());
    }
    if (!is_text(text)) return {};
    return RowCounter(std::min(limit, std::numeric_limits<std::size_t>::max() - kMoreLines) + kMoreLines, 0, 0);
}

bool RowCounter::is_enough(std::span<const std::byte> piece) {
    value_bytes_ == 0 ? count_lines(piece) : count_binary_rows(piece);
    return count_ >= wanted_;
}

void RowCounter::count_lines(std::span<const std::byte> piece) {
    count_ += static_cast<std::size_t>(std::ranges::count(piece, std::byte{'\n'}));
}

void RowCounter::count_binary_rows(std::span<const std::byte> piece) {
    while (!piece.empty()) {
        if (left_ == 0) {
            const auto space = std::ranges::find(piece, std::byte{' '});
            if (space == piece.end()) return;
            piece = piece.subspan(static_cast<std::size_t>(space - piece.begin()) + 1);
            left_ = value_bytes_;
        } else {
            const std::size_t passed = std::min(left_, piece.size());
            piece = piece.subspan(passed);
            left_ -= passed;
            if (left_ == 0) ++count_;
        }
    }
}

}  // namespace rowpool::tools
