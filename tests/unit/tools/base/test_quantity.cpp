// Numbers of bytes as people write them.
#include "tools/base/quantity.hpp"

#include <doctest/doctest.h>

namespace rowpool::test {
namespace {

using tools::parse_bytes;

TEST_CASE("bytes with and without a unit") {
    CHECK(parse_bytes("0") == 0);
    CHECK(parse_bytes("0.5") == 0);
    CHECK(parse_bytes("4096") == 4096);
    CHECK(parse_bytes("1.5K") == 1500);
    CHECK(parse_bytes("1M") == 1000000);
    CHECK(parse_bytes("2G") == 2000000000);
    CHECK(parse_bytes("1.5KiB") == 1536);
    CHECK(parse_bytes("32MiB") == 32 << 20);
    CHECK(parse_bytes("1GiB") == 1 << 30);
    CHECK(parse_bytes("1e3K") == 1000000);
    CHECK(parse_bytes("1e18") == 1000000000000000000);
}

TEST_CASE("what is no number of bytes") {
    for (const char* text : {"", "K", "MiB", "x", "-1", "+1", "1T", "1k", "1kib", "1 M", "1M ", "1KB", "inf", "nan",
                             "1e400", "1.1e18", "1e10G", "1,5M"}) {
        CAPTURE(text);
        CHECK(!parse_bytes(text));
    }
}

}  // namespace
}  // namespace rowpool::test
