// The raw gather, the limit that lookups are compared with: it reads every byte of every row, and nothing else.
#include "bench/measure/raw_gather.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace rowpool::test {
namespace {

using bench::gather_rows;

constexpr std::size_t kRows = 5;
const std::vector<std::int64_t> kIds = {3, 0, 3, 4, 1, 0, 4, 4, 3};  // never row 2

/// Rows with gaps, up to the last byte of the last row: a read past it is one past the buffer.
struct Rows {
    std::size_t row_bytes;
    std::size_t stride = row_bytes + 3;
    std::vector<std::byte> bytes = std::vector<std::byte>((kRows - 1) * stride + row_bytes);

    std::uint64_t gather(std::size_t distance = 0) const {
        return gather_rows({bytes.data(), row_bytes, stride}, kIds, distance);
    }
};

TEST_CASE("every byte of the rows looked up counts, once for each time, and no other") {
    for (std::size_t row_bytes = 2; row_bytes <= 300; ++row_bytes) {
        Rows rows{row_bytes};
        REQUIRE(rows.gather() == 0);
        for (std::size_t at = 0; at < rows.bytes.size(); ++at) {
            CAPTURE(row_bytes);
            CAPTURE(at);
            rows.bytes[at] = std::byte{1};
            const bool looked_up = at / rows.stride != 2 && at % rows.stride < row_bytes;
            REQUIRE((rows.gather() != 0) == looked_up);
            rows.bytes[at] = std::byte{0};
        }
    }
}

TEST_CASE("rows of whole lines and pieces are added up as 64-bit numbers") {
    for (const std::size_t row_bytes : {16U, 48U, 64U, 128U, 192U, 208U, 1024U}) {
        Rows rows{row_bytes};
        for (std::size_t row = 0; row < kRows; ++row) {
            for (std::size_t at = 0; at < row_bytes; at += 8) rows.bytes[row * rows.stride + at] = std::byte(row + 1);
        }
        std::uint64_t expected = 0;
        for (const std::int64_t id : kIds) expected += row_bytes / 8 * static_cast<std::uint64_t>(id + 1);
        for (const std::size_t distance : {0U, 1U, 8U, 9U, 10U, 1000U}) CHECK(rows.gather(distance) == expected);
    }
}

}  // namespace
}  // namespace rowpool::test
