// How much of a file of word vectors has its first rows.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace rowpool::tools {

/// Counts rows of word vectors, text or word2vec's binary form, that come in pieces of any size.
class RowCounter {
public:
    /// For the first `limit` rows of a file that begins so. Nothing when it begins as neither form does.
    static std::optional<RowCounter> of(std::span<const std::byte> beginning, std::size_t limit);

    /// Takes the next piece; whether what came so far has all the rows, and of text the line after them.
    bool is_enough(std::span<const std::byte> piece);

private:
    RowCounter(std::size_t wanted, std::size_t value_bytes, std::size_t header)
        : wanted_(wanted), value_bytes_(value_bytes), left_(header) {}

    void count_lines(std::span<const std::byte> piece);
    void count_binary_rows(std::span<const std::byte> piece);

    std::size_t wanted_;       // of what is counted
    std::size_t value_bytes_;  // of a row of the binary form; 0 for text
    std::size_t left_;         // of the binary form: bytes of the header, or of the values of a row, still to come
    std::size_t count_ = 0;    // of lines; of the binary form of rows, and the header
};

}  // namespace rowpool::tools
