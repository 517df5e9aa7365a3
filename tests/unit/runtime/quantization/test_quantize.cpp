// quantize_rows and dequantize_rows against the reference quantizer, serial and parallel, and every way to refuse.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "rowpool/engine.hpp"
#include "rowpool/quantize.hpp"
#include "tests/support/quantizer_rows.hpp"
#include "tests/support/reference_quantizer.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

constexpr RowFormat kSources[] = {RowFormat::f32, RowFormat::f16, RowFormat::bf16};

/// Rows that every format can hold, as a float table of that format.
MadeTable source_table(RowFormat format, std::size_t rows, std::size_t dim) {
    Random random(rows * 1000 + dim);
    return make_table(random, format, rows, dim, 3, Values::tame);
}

/// The rows of a float table, quantized by the reference.
Bytes expected_rows(const MadeTable& source, RowFormat format) {
    Bytes bytes;
    for (const ReferenceRow& row : source.reference.rows) {
        const auto quantized = reference_quantize(row.values, format);
        REQUIRE(quantized);
        bytes.insert(bytes.end(), quantized->begin(), quantized->end());
    }
    return bytes;
}

std::string refusal(const Floats& values, std::size_t dim, RowFormat format) {
    Bytes out(values.size() / dim * row_bytes(format, dim));
    const Table source = f32_table(values, dim, "item_id");
    const Status serial = quantize_rows(source, format, out);
    REQUIRE(!serial);
    CHECK(serial.error().code == ErrorCode::invalid_argument);
    const Status parallel = Engine({.threads = 3}).quantize_rows(source, format, out);
    CHECK(parallel.error().message == serial.error().message);
    return serial.error().message;
}

TEST_CASE("strided tables of every source type quantize to every format as the reference does") {
    for (const RowFormat from : kSources) {
        const MadeTable source = source_table(from, 40, 37);
        for (const RowFormat to : all_row_formats()) {
            CAPTURE(to_string(from));
            CAPTURE(to_string(to));
            Bytes out(source.rows * row_bytes(to, source.dim));
            REQUIRE(quantize_rows(table_of(source), to, out));
            CHECK((out == expected_rows(source, to)));
        }
    }
}

TEST_CASE("parallel conversion gives the same bytes") {
    const MadeTable source = source_table(RowFormat::f32, 5000, 65);
    for (const RowFormat to : {RowFormat::int8, RowFormat::int4, RowFormat::bf16}) {
        Bytes serial(source.rows * row_bytes(to, source.dim)), parallel(serial.size());
        REQUIRE(quantize_rows(table_of(source), to, serial));
        for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
            REQUIRE(Engine({.threads = threads}).quantize_rows(table_of(source), to, parallel));
            CHECK((parallel == serial));
        }
    }
}

TEST_CASE("any bits of a format decode to the reference's values") {
    Random random(55);
    for (const RowFormat format : all_row_formats()) {
        const MadeTable made = make_table(random, format, 600, 11, 2, Values::tame);
        Floats out(590 * 11);
        REQUIRE(dequantize_rows(table_of(made), 7, out));
        for (std::size_t r = 0; r < 590; ++r) {
            const Floats row(out.begin() + static_cast<std::ptrdiff_t>(r * 11),
                             out.begin() + static_cast<std::ptrdiff_t>((r + 1) * 11));
            REQUIRE(row == decoded_values(made.reference, r + 7));
        }
    }
}

TEST_CASE("decoding is what a plain lookup gives") {
    Random random(56);
    const MadeTable made = make_table(random, RowFormat::tbe_int2, 10, 9, 0, Values::tame);
    Floats out(3 * 9);
    REQUIRE(dequantize_rows(table_of(made), 4, out));
    CHECK(out == pooled(table_of(made), Bags::rows(std::vector<std::int32_t>{4, 5, 6}), {.mode = Pooling::none}));
}

TEST_CASE("a remapped table decodes by id, pruned ones to zeros") {
    const Floats values = {1, 2};
    const std::vector<std::int32_t> remap = {1, -1, 0, 5};
    const Table table =
        *Table::view("t", {.format = RowFormat::f32, .rows = 2, .dim = 1}, std::as_bytes(std::span(values)), remap);
    Floats out(3, -99.0f);
    REQUIRE(dequantize_rows(table, 1, out));
    CHECK(out == Floats{0, 1, 0});
    CHECK(!dequantize_rows(table, 2, out));
}

TEST_CASE("codes past the last column are zero") {
    const Floats row = {0, 1, 0.5f, 1, 1};
    Bytes out(row_bytes(RowFormat::int4, 5), std::byte{0xff});
    REQUIRE(quantize_rows(f32_table(row, 5), RowFormat::int4, out));
    CHECK((out[2] & std::byte{0xf0}) == std::byte{0});
    out.assign(row_bytes(RowFormat::int2, 5), std::byte{0xff});
    REQUIRE(quantize_rows(f32_table(row, 5), RowFormat::int2, out));
    CHECK((out[1] & std::byte{0xfc}) == std::byte{0});
}

TEST_CASE("float rows keep NaN and infinity") {
    const Floats row = {NAN, INFINITY, -INFINITY};
    for (const RowFormat to : kSources) {
        Bytes out(row_bytes(to, 3));
        REQUIRE(quantize_rows(f32_table(row, 3), to, out));
        const ReferenceTable stored = read_table(to, 1, 3, out.size(), out.data());
        CHECK(std::isnan(stored.rows[0].values[0]));
        CHECK(stored.rows[0].values[1] == INFINITY);
        CHECK(stored.rows[0].values[2] == -INFINITY);
    }
}

TEST_CASE("rows with NaN or infinity are refused by coded formats, naming row and column") {
    for (const RowFormat format : all_row_formats()) {
        if (!is_coded(format)) continue;
        CHECK(refusal({1, 2, 3, NAN}, 2, format) == "table item_id, row 1: column 1 is NaN");
        CHECK(refusal({1, 2, -INFINITY, NAN, INFINITY, 0}, 2, format) == "table item_id, row 1: column 0 is infinite");
    }
}

TEST_CASE("rows whose scale or bias cannot be held are refused") {
    CHECK(refusal({0, 1, 3e38f, -3e38f}, 2, RowFormat::int8) ==
          "table item_id, row 1: scale or bias would not be finite as int8");
    CHECK(refusal({0, 1, -65520, 0}, 2, RowFormat::int8_f16) ==
          "table item_id, row 1: scale or bias would not be finite as int8-f16");
    CHECK(refusal({0, 65520 * 3, 0, 0}, 2, RowFormat::tbe_int2) ==
          "table item_id, row 0: scale or bias would not be finite as tbe-int2");
}

TEST_CASE("finite values that a half cannot hold are refused") {
    CHECK(refusal({0, 1, 0, 65520}, 2, RowFormat::f16) ==
          "table item_id, row 1: a finite value would become infinite as f16");
    CHECK(refusal({0, 3.4e38f, 0, 0}, 2, RowFormat::bf16) ==
          "table item_id, row 0: a finite value would become infinite as bf16");
}

TEST_CASE("the first of many bad rows is named, however many threads look") {
    constexpr std::size_t kDim = 64;
    Floats values(6000 * kDim, 0.25f);
    for (const std::size_t row : {5999u, 1234u, 1235u, 4000u}) values[row * kDim + 7] = NAN;
    CHECK(refusal(values, kDim, RowFormat::int4) == "table item_id, row 1234: column 7 is NaN");
}

TEST_CASE("arguments that do not fit are refused") {
    const std::vector<float> values = {1, 2, 3, 4};
    Bytes out(100);
    const Status size = quantize_rows(f32_table(values, 2), RowFormat::int8, out);
    CHECK(size.error().code == ErrorCode::invalid_argument);
    CHECK(size.error().message == "table t: output has 100 bytes, not rows * row bytes");
    const Table coded = view("t", {.format = RowFormat::int8, .rows = 1, .dim = 4}, out);
    const Status again = quantize_rows(coded, RowFormat::int4, std::span(out).first(6));
    CHECK(again.error().code == ErrorCode::invalid_argument);
    CHECK(again.error().message == "table t: rows are int8, not f32, f16 or bf16");
}

TEST_CASE("decoding past the table or part of a row is refused") {
    const Floats values = {1, 2, 3, 4};
    const Table table = f32_table(values, 2);
    Floats out(4, -99.0f);
    CHECK(dequantize_rows(table, 1, out).error().code == ErrorCode::invalid_argument);
    CHECK(dequantize_rows(table, 3, std::span(out).first(0)).error().code == ErrorCode::invalid_argument);
    CHECK(dequantize_rows(table, 0, std::span(out).first(3)).error().code == ErrorCode::invalid_argument);
    CHECK(dequantize_rows(table, SIZE_MAX, std::span(out).first(2)).error().code == ErrorCode::invalid_argument);
    CHECK(out == Floats(4, -99.0f));
    CHECK(dequantize_rows(table, 2, std::span(out).first(0)));
}

TEST_CASE("a table without rows converts to nothing") {
    CHECK(quantize_rows(f32_table({}, 3), RowFormat::int8, {}));
    CHECK(Engine({.threads = 2}).quantize_rows(f32_table({}, 3), RowFormat::int8, {}));
}

}  // namespace
}  // namespace rowpool::test
