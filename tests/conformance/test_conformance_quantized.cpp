// What PyTorch's and FBGEMM's quantization operators and quantized bags do, as numbered cases with worked values: 43
// to 61.
//
// Left out: 59 and 60 (tables with pruned rows). Other answers than PyTorch's, on purpose: 53 is an error, 55 has an
// answer.
#include <doctest/doctest.h>

#include <cstring>

#include "rowpool/quantize.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;
using Bytes = std::vector<unsigned>;

const Floats kOnes = {1, 1, 1, 1};
const Floats kWide = {-64, -2.75f, 61.625f, 191};

/// One row quantized, as numbers; the row must be one that the format can hold.
Bytes quantized(const Floats& row, RowFormat format) {
    std::vector<std::byte> out(row_bytes(format, row.size()));
    const Status status = quantize_rows(f32_table(row, row.size()), format, out);
    REQUIRE_MESSAGE(bool(status), status.error().message);
    Bytes numbers;
    for (const std::byte byte : out) numbers.push_back(std::to_integer<unsigned>(byte));
    return numbers;
}

ErrorCode refusal(const Floats& row, RowFormat format) {
    std::vector<std::byte> out(row_bytes(format, row.size()));
    return quantize_rows(f32_table(row, row.size()), format, out).error().code;
}

/// A row quantized and decoded again.
Floats round_trip(const Floats& row, RowFormat format) {
    std::vector<std::byte> bytes(row_bytes(format, row.size()));
    REQUIRE(quantize_rows(f32_table(row, row.size()), format, bytes));
    Floats out(row.size());
    REQUIRE(dequantize_rows(view("t", {.format = format, .rows = 1, .dim = row.size()}, bytes), 0, out));
    return out;
}

/// Sums from the int8 table whose rows are kOnes and kWide.
Floats sums(const Bags& bags) {
    Floats values = kOnes;
    values.insert(values.end(), kWide.begin(), kWide.end());
    std::vector<std::byte> bytes(2 * row_bytes(RowFormat::int8, 4));
    REQUIRE(quantize_rows(f32_table(values, 4), RowFormat::int8, bytes));
    return pooled(view("t", {.format = RowFormat::int8, .rows = 2, .dim = 4}, bytes), bags, {.mode = Pooling::sum});
}

TEST_CASE("conformance 43: a constant row in int8") {
    CHECK(quantized(kOnes, RowFormat::int8) == Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x80, 0x3f});
}

TEST_CASE("conformance 44: a wide row in int8") {
    CHECK(quantized(kWide, RowFormat::int8) == Bytes{0, 61, 126, 255, 0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x80, 0xc2});
}

TEST_CASE("conformance 45: int4") {
    CHECK(quantized(kOnes, RowFormat::int4) == Bytes{0x00, 0x00, 0x00, 0x3c, 0x00, 0x3c});
    CHECK(quantized(kWide, RowFormat::int4) == Bytes{0x40, 0xf7, 0x40, 0x4c, 0x00, 0xd4});
}

TEST_CASE("conformance 46: int2") {
    CHECK(quantized(kOnes, RowFormat::int2) == Bytes{0x00, 0x00, 0x3c, 0x00, 0x3c});
    CHECK(quantized(kWide, RowFormat::int2) == Bytes{0xd4, 0x50, 0x55, 0x00, 0xd4});
}

TEST_CASE("conformance 47: int8 with f16 parameters") {
    CHECK(quantized(kOnes, RowFormat::int8_f16) == Bytes{0, 0, 0, 0, 0x00, 0x3c, 0x00, 0x3c});
    CHECK(quantized(kWide, RowFormat::int8_f16) == Bytes{0, 61, 126, 255, 0x00, 0x3c, 0x00, 0xd4});
    CHECK(quantized(kWide, RowFormat::tbe_int8) == Bytes{0x00, 0x3c, 0x00, 0xd4, 0, 61, 126, 255});
}

TEST_CASE("conformance 48: decoded rows") {
    CHECK(round_trip(kWide, RowFormat::int8) == Floats{-64, -3, 62, 191});
    CHECK(round_trip(kWide, RowFormat::int4) == Floats{-64, 4, 55, 191});
    CHECK(round_trip(kWide, RowFormat::int2) == Floats{-64, 21, 21, 191});
}

TEST_CASE("conformance 49: ties round to the even code") {
    const Bytes row = quantized({0, 0.5f, 1.5f, 2.5f, 255}, RowFormat::int8);
    CHECK(Bytes(row.begin(), row.begin() + 5) == Bytes{0, 0, 2, 2, 255});
}

TEST_CASE("conformance 50: a tiny range in int8") {
    CHECK(quantized({0, 1e-9f, 5e-9f, 1e-8f}, RowFormat::int8) ==
          Bytes{0, 13, 64, 128, 0xf0, 0x78, 0x2c, 0x2e, 0, 0, 0, 0});
}

TEST_CASE("conformance 51: int4 codes are made for the rounded scale and bias") {
    CHECK(quantized({0.1f, 0.2f, 0.3f, 0.4f}, RowFormat::int4) == Bytes{0x50, 0xfa, 0x1f, 0x25, 0x66, 0x2e});
}

TEST_CASE("conformance 52: a minimum that rounds past the maximum gives a negative scale") {
    const Floats row = {1000.3f, 1000.4f};
    CHECK(quantized(row, RowFormat::int4) == Bytes{0xff, 0xd3, 0x9e, 0xd1, 0x63});
    for (const float value : round_trip(row, RowFormat::int4)) CHECK(value == doctest::Approx(1000.4).epsilon(1e-7));
}

TEST_CASE("conformance 53: a scale or bias that f16 cannot hold") {
    CHECK(refusal({0, 1e6f, 2e6f, 3e6f}, RowFormat::int4) == ErrorCode::invalid_argument);
    CHECK(refusal({-1e5f, 0, 1, 2}, RowFormat::int4) == ErrorCode::invalid_argument);
}

TEST_CASE("conformance 54: a range too small for an f16 scale") {
    CHECK(quantized({1e-9f, 2e-9f}, RowFormat::int4) == Bytes{0x00, 0x00, 0x3c, 0x00, 0x00});
}

TEST_CASE("conformance 55: rows that do not fill their last byte end in zero codes") {
    CHECK(quantized({0, 7, 15}, RowFormat::int4) == Bytes{0x70, 0x0f, 0x00, 0x3c, 0x00, 0x00});
    CHECK(quantized({0, 1, 2, 3, 3, 0}, RowFormat::int2) == Bytes{0xe4, 0x03, 0x00, 0x3c, 0x00, 0x00});
}

TEST_CASE("conformance 56: bags of int8 rows") {
    CHECK(sums(Bags::starts(Ids{0, 1, 1}, Ids{0, 1})) == Floats{1, 1, 1, 1, -128, -6, 124, 382});
}

TEST_CASE("conformance 57: weighted bags of int8 rows") {
    const Floats weights = {1, 2, -1};
    CHECK(sums(Bags::starts(Ids{0, 1, 1}, Ids{0, 1}, weights)) == Floats{1, 1, 1, 1, -64, -3, 62, 191});
}

TEST_CASE("conformance 58: empty bags of int8 rows") {
    CHECK(sums(Bags::starts(Ids{0, 1, 1}, Ids{0, 0, 3, 3})) ==
          Floats{0, 0, 0, 0, -127, -5, 125, 383, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("conformance 61: two-dimensional indices into int8 rows") {
    CHECK(sums(Bags::fixed(Ids{0, 1, 1, 1}, 2, 2)) == Floats{-63, -2, 63, 192, -128, -6, 124, 382});
}

}  // namespace
}  // namespace rowpool::test
