// UTF-8 and the printable form of names.
#include "support/text.hpp"

#include <doctest/doctest.h>

namespace rowpool::test {
namespace {

constexpr std::size_t kValid = std::string_view::npos;

TEST_CASE("well-formed text") {
    for (const std::string_view text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xb3",
                                        "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf"}) {
        CAPTURE(text);
        CHECK(find_invalid_utf8(text) == kValid);
    }
    CHECK(find_invalid_utf8(std::string_view("a\0b", 3)) == kValid);
}

TEST_CASE("the first byte that is not UTF-8") {
    CHECK(find_invalid_utf8("ab\x80") == 2);               // a byte that continues nothing
    CHECK(find_invalid_utf8("\xc3") == 0);                 // cut off
    CHECK(find_invalid_utf8("a\xe2\x82") == 1);            // cut off later
    CHECK(find_invalid_utf8("\xc0\xaf") == 0);             // overlong
    CHECK(find_invalid_utf8("\xe0\x9f\xbf") == 0);         // overlong
    CHECK(find_invalid_utf8("\xf0\x8f\xbf\xbf") == 0);     // overlong
    CHECK(find_invalid_utf8("\xed\xa0\x80") == 0);         // surrogate
    CHECK(find_invalid_utf8("\xf4\x90\x80\x80") == 0);     // above U+10FFFF
    CHECK(find_invalid_utf8("\xf5\x80\x80\x80") == 0);     // no such lead
    CHECK(find_invalid_utf8("\xe2\x82\x41") == 0);         // third byte wrong
    CHECK(find_invalid_utf8("\xf0\x9f\x90\x41xyz") == 0);  // fourth byte wrong
}

TEST_CASE("control characters") {
    CHECK(has_control_character("a\nb"));
    CHECK(has_control_character(std::string_view("\0", 1)));
    CHECK(has_control_character("\x7f"));
    CHECK(has_control_character("\xc2\x85"));  // U+0085, next line
    CHECK(!has_control_character("item id"));
    CHECK(!has_control_character("\xc2\xa0"));
    CHECK(!has_control_character(""));
}

TEST_CASE("what is shown in messages") {
    CHECK(printable("item_id") == "item_id");
    CHECK(printable("caf\xc3\xa9") == "caf\xc3\xa9");
    CHECK(printable("a\nb\x1b[31m") == "a\\x0ab\\x1b[31m");
    CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");
    CHECK(printable("a\xe2\x80\xaez") == "a\\xe2\\x80\\xaez");  // U+202E, right-to-left override
    CHECK(printable("\xe2\x80\xa8\xe2\x81\xa9") == "\\xe2\\x80\\xa8\\xe2\\x81\\xa9");
    CHECK(printable("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa") ==
          "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
    CHECK(printable("\xff\xfe") == "\\xff\\xfe");
    CHECK(printable("a\\x0a") == "a\\x5cx0a");
    CHECK(printable(std::string(100, 'x')) == std::string(100, 'x'));
    CHECK(printable(std::string(101, 'x')) == std::string(100, 'x') + "...");
}

}  // namespace
}  // namespace rowpool::test
