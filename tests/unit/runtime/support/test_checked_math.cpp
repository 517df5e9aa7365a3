// Sums and products at the edge of 64 bits, and the shapes that depend on them.
#include "support/checked_math.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

#include "core/table_shape.hpp"

namespace rowpool::test {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("sums") {
    CHECK(support::checked_add<std::uint64_t>(0, 0) == 0u);
    CHECK(support::checked_add<std::uint64_t>(kMax - 1, 1) == kMax);
    CHECK(!support::checked_add<std::uint64_t>(kMax, 1));
    CHECK(!support::checked_add(kMax, kMax));
    CHECK(!support::checked_add<std::uint8_t>(200, 56));
    CHECK(support::checked_add<std::uint8_t>(200, 55) == 255u);
}

TEST_CASE("products") {
    CHECK(support::checked_mul<std::uint64_t>(kMax, 0) == 0u);
    CHECK(support::checked_mul<std::uint64_t>(kMax, 1) == kMax);
    CHECK(support::checked_mul<std::uint64_t>(0xffffffff, 0x100000001) == kMax);
    CHECK(!support::checked_mul<std::uint64_t>(std::uint64_t{1} << 32, std::uint64_t{1} << 32));
    CHECK(!support::checked_mul(kMax, kMax));
}

TEST_CASE("rounding up") {
    CHECK(support::checked_round_up<std::uint64_t>(0, 64) == 0u);
    CHECK(support::checked_round_up<std::uint64_t>(1, 64) == 64u);
    CHECK(support::checked_round_up<std::uint64_t>(64, 64) == 64u);
    CHECK(support::checked_round_up<std::uint64_t>(kMax - 63, 64) == kMax - 63);
    CHECK(!support::checked_round_up<std::uint64_t>(kMax - 62, 64));
}

std::size_t bytes_of(std::size_t rows, std::size_t dim, std::size_t stride) {
    const auto checked = check_shape({.format = RowFormat::int8, .rows = rows, .dim = dim, .row_stride = stride});
    return checked ? checked->bytes : 0;
}

TEST_CASE("a shape needs the bytes up to its last row's last") {
    CHECK(bytes_of(1, 64, 0) == 72);
    CHECK(bytes_of(10, 64, 0) == 720);
    CHECK(bytes_of(10, 64, 128) == 9 * 128 + 72);
    CHECK(check_shape({.format = RowFormat::int8, .rows = 0, .dim = 64, .row_stride = kMax})->bytes == 0);
    CHECK(check_shape({.format = RowFormat::int8, .rows = 10, .dim = 64})->shape.row_stride == 72);
}

TEST_CASE("a shape whose bytes do not fit 64 bits is refused") {
    CHECK(bytes_of(2, 64, kMax - 72) == kMax);
    CHECK(!check_shape({.format = RowFormat::int8, .rows = 2, .dim = 64, .row_stride = kMax - 71}));
    CHECK(!check_shape({.format = RowFormat::int8, .rows = kMax / 72 + 1, .dim = 64}));
    CHECK(!check_shape({.format = RowFormat::int8, .rows = kMax, .dim = 1}));
}

TEST_CASE("padding indices at the ends") {
    const auto padding = [](std::int64_t index) {
        const auto checked = check_shape({.format = RowFormat::f32, .rows = 5, .dim = 1, .padding_index = index});
        return checked ? checked->shape.padding_index.value() : -100;
    };
    CHECK(padding(-6) == -100);
    CHECK(padding(-5) == 0);
    CHECK(padding(-1) == 4);
    CHECK(padding(4) == 4);
    CHECK(padding(5) == -100);
    CHECK(padding(std::numeric_limits<std::int64_t>::min()) == -100);
}

}  // namespace
}  // namespace rowpool::test
