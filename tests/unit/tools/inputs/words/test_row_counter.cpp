// How much of a file of word vectors has its first rows.
#include "tools/inputs/words/row_counter.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace rowpool::test {
namespace {

using tools::RowCounter;

std::span<const std::byte> bytes_of(const std::string& text, std::size_t begin, std::size_t size) {
    return std::as_bytes(std::span(text)).subspan(begin, std::min(size, text.size() - begin));
}

/// Bytes that were enough, given in pieces of a random size up to `most`.
std::size_t taken(const std::string& text, std::size_t limit, std::size_t most, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::optional<RowCounter> counter = RowCounter::of(std::as_bytes(std::span(text)), limit);
    REQUIRE(counter);
    for (std::size_t at = 0; at < text.size();) {
        const std::span<const std::byte> piece = bytes_of(text, at, 1 + random() % most);
        at += piece.size();
        if (counter->is_enough(piece)) return at;
    }
    return text.size() + 1;
}

TEST_CASE("of text, lines are counted: a header and one more") {
    std::string text = "9 2\n";
    for (int i = 0; i < 9; ++i) text += "word 1.5 2\n";
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        CHECK(taken(text, 1, 1, seed) == 4 + 2 * 11);
        CHECK(taken(text, 3, 1, seed) == 4 + 4 * 11);
        CHECK(taken(text, 3, 30, seed) >= 4 + 4 * 11);
        CHECK(taken(text, 9, 30, seed) == text.size() + 1);
        CHECK(taken(text, std::size_t(-1), 30, seed) == text.size() + 1);
    }
}

TEST_CASE("of the binary form, values are passed over, whatever they look like") {
    const std::string row = "w " + std::string("\0 \n  \0  ", 8) + "\n";
    std::string text = "9 2\n";
    for (int i = 0; i < 9; ++i) text += row;
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        for (std::size_t rows = 1; rows < 9; ++rows) {
            CHECK(taken(text, rows, 1, seed) == 4 + rows * row.size() - 1);
            CHECK(taken(text, rows, 7, seed) >= 4 + rows * row.size() - 1);
        }
        CHECK(taken(text, 20, 1, seed) == text.size() - 1);
    }
}

TEST_CASE("other files are none") {
    for (const std::string& text :
         {std::string("\x93NUMPY\1\0", 8), std::string(), std::string("a 1\0", 4), std::string("\x08\7model")}) {
        CHECK_FALSE(RowCounter::of(std::as_bytes(std::span(text)), 3));
    }
}

}  // namespace
}  // namespace rowpool::test
