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
        CHECK(support::find_invalid_utf8(text) == kValid);
    }
    CHECK(support::find_invalid_utf8(std::string_view("a\0b", 3)) == kValid);
}

TEST_CASE("the first byte that is not UTF-8") {
    CHECK(support::find_invalid_utf8("ab\x80") == 2);               // a byte that continues nothing
    CHECK(support::find_invalid_utf8("\xc3") == 0);                 // cut off
    CHECK(support::find_invalid_utf8("a\xe2\x82") == 1);            // cut off later
    CHECK(support::find_invalid_utf8("\xc0\xaf") == 0);             // overlong
    CHECK(support::find_invalid_utf8("\xe0\x9f\xbf") == 0);         // overlong
    CHECK(support::find_invalid_utf8("\xf0\x8f\xbf\xbf") == 0);     // overlong
    CHECK(support::find_invalid_utf8("\xed\xa0\x80") == 0);         // surrogate
    CHECK(support::find_invalid_utf8("\xf4\x90\x80\x80") == 0);     // above U+10FFFF
    CHECK(support::find_invalid_utf8("\xf5\x80\x80\x80") == 0);     // no such lead
    CHECK(support::find_invalid_utf8("\xe2\x82\x41") == 0);         // third byte wrong
    CHECK(support::find_invalid_utf8("\xf0\x9f\x90\x41xyz") == 0);  // fourth byte wrong
}

TEST_CASE("control characters") {
    CHECK(support::has_control_character("a\nb"));
    CHECK(support::has_control_character(std::string_view("\0", 1)));
    CHECK(support::has_control_character("\x7f"));
    CHECK(support::has_control_character("\xc2\x85"));  // U+0085, next line
    CHECK(!support::has_control_character("item id"));
    CHECK(!support::has_control_character("\xc2\xa0"));
    CHECK(!support::has_control_character(""));
}

TEST_CASE("what is shown in messages") {
    CHECK(support::printable("item_id") == "item_id");
    CHECK(support::printable("caf\xc3\xa9") == "caf\xc3\xa9");
    CHECK(support::printable("a\nb\x1b[31m") == "a\\x0ab\\x1b[31m");
    CHECK(support::printable("\xc2\x9b") == "\\xc2\\x9b");
    CHECK(support::printable("a\xe2\x80\xaez") == "a\\xe2\\x80\\xaez");  // U+202E, right-to-left override
    CHECK(support::printable("\xe2\x80\xa8\xe2\x81\xa9") == "\\xe2\\x80\\xa8\\xe2\\x81\\xa9");
    CHECK(support::printable("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa") ==
          "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
    CHECK(support::printable("\xff\xfe") == "\\xff\\xfe");
    CHECK(support::printable("a\\x0a") == "a\\x5cx0a");
    CHECK(support::printable(std::string(100, 'x')) == std::string(100, 'x'));
    CHECK(support::printable(std::string(101, 'x')) == std::string(100, 'x') + "...");
}

}  // namespace
}  // namespace rowpool::test
