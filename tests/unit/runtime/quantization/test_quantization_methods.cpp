// Greedy and search: search is never worse than the others on any row, rows do not depend on their neighbours or on
// threads, walks end, and what is refused. That greedy equals PyTorch is for test_fixtures.cpp and compare_torch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "rowpool/engine.hpp"
#include "rowpool/quantize.hpp"
#include "tests/support/quantizer_rows.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

constexpr QuantizationMethod kMethods[] = {QuantizationMethod::min_max, QuantizationMethod::greedy,
                                           QuantizationMethod::search};
constexpr std::size_t kDims[] = {1, 2, 3, 5, 8, 17, 64, 100, 385};

float normal(Random& random) {
    float sum = 0;
    for (int i = 0; i < 12; ++i) sum += random.uniform(-0.5f, 0.5f);
    return sum;
}

/// A row of each kind that tables are made of, and of some that they should not be made of; all formats hold them.
std::vector<Floats> rows_of_all_kinds(Random& random, std::size_t dim) {
    std::vector<Floats> rows;
    const auto add = [&](const auto& value) {
        Floats row(dim);
        for (float& x : row) x = value();
        rows.push_back(row);
    };
    add([&] { return normal(random); });
    add([&] { return random.uniform(-1, 1); });
    add([&] { return std::pow(normal(random), 3.0f); });
    add([&] { return -std::log(random.uniform(1e-6f, 1)); });
    add([&] { return normal(random); });
    rows.back()[dim / 2] = 50;
    add([&] { return 1000.3f + 0.1f * normal(random); });
    add([&] { return random.below(2) == 0 ? 0.3f : -0.7f; });
    add([&] { return 0.1f; });
    add([&] { return 1e-7f * normal(random); });
    add([&] { return 30000 * random.uniform(-1, 1); });
    add([&] { return random.below(8) == 0 ? normal(random) : 0.0f; });
    Floats any_size = random_row(random, dim);
    const auto fits_f16 = [](float x) { return std::abs(x) < 30000; };
    if (std::all_of(any_size.begin(), any_size.end(), fits_f16)) rows.push_back(std::move(any_size));
    return rows;
}

Floats joined(const std::vector<Floats>& rows) {
    Floats values;
    for (const Floats& row : rows) values.insert(values.end(), row.begin(), row.end());
    return values;
}

Bytes quantized(const Table& source, RowCoding coding) {
    Bytes bytes(source.rows() * row_bytes(coding.format, source.dim()));
    const Status status = quantize_rows(source, coding, bytes);
    REQUIRE_MESSAGE(bool(status), status.error().message);
    return bytes;
}

/// The squared error of every row.
std::vector<double> squared_errors(const Table& source, RowCoding coding) {
    const Bytes bytes = quantized(source, coding);
    Floats before(source.rows() * source.dim()), after(before.size());
    REQUIRE(dequantize_rows(source, 0, before));
    const Table coded = view("t", {.format = coding.format, .rows = source.rows(), .dim = source.dim()}, bytes);
    REQUIRE(dequantize_rows(coded, 0, after));
    std::vector<double> errors(source.rows());
    for (std::size_t i = 0; i < before.size(); ++i) {
        const double error = static_cast<double>(before[i]) - static_cast<double>(after[i]);
        errors[i / source.dim()] += error * error;
    }
    return errors;
}

void check_never_worse(const Table& source, RowFormat format) {
    const std::vector<double> search = squared_errors(source, {format, QuantizationMethod::search});
    for (const auto method : {QuantizationMethod::min_max, QuantizationMethod::greedy}) {
        if (!is_available({format, method})) continue;
        const std::vector<double> other = squared_errors(source, {format, method});
        for (std::size_t row = 0; row < other.size(); ++row) {
            INFO(to_string(format), " against ", to_string(method), ", dim ", source.dim(), ", row ", row);
            REQUIRE(search[row] <= other[row] * (1 + 1e-12));
        }
    }
}

TEST_CASE("search is never worse than min_max or greedy on any row") {
    Random random(91);
    for (const std::size_t dim : kDims) {
        for (int i = 0; i < 8; ++i) {
            const Floats values = joined(rows_of_all_kinds(random, dim));
            for (const RowFormat format : all_row_formats()) check_never_worse(f32_table(values, dim), format);
        }
    }
}

double total(const std::vector<double>& errors) {
    double sum = 0;
    for (const double error : errors) sum += error;
    return sum;
}

TEST_CASE("search gains what it is there for") {
    Random random(92);
    Floats values(200 * 64);
    for (float& value : values) value = normal(random);
    const Table source = f32_table(values, 64);
    const auto error_by = [&](RowFormat format, QuantizationMethod method) {
        return total(squared_errors(source, {format, method}));
    };
    CHECK(error_by(RowFormat::int2, QuantizationMethod::search) <
          0.6 * error_by(RowFormat::int2, QuantizationMethod::greedy));
    CHECK(error_by(RowFormat::int4, QuantizationMethod::search) <
          0.99 * error_by(RowFormat::int4, QuantizationMethod::greedy));
    CHECK(error_by(RowFormat::int8, QuantizationMethod::search) <
          0.9 * error_by(RowFormat::int8, QuantizationMethod::min_max));
}

TEST_CASE("a row has the codes that it has alone, in whatever block and on however many threads") {
    Random random(93);
    for (const std::size_t dim : {std::size_t{3}, std::size_t{64}, std::size_t{130}}) {
        std::vector<Floats> rows;
        while (rows.size() < 700) {
            for (Floats& row : rows_of_all_kinds(random, dim)) rows.push_back(std::move(row));
        }
        const Floats values = joined(rows);
        const Table source = f32_table(values, dim);
        for (const auto method : {QuantizationMethod::greedy, QuantizationMethod::search}) {
            const RowCoding coding = {RowFormat::tbe_int4, method};
            const Bytes together = quantized(source, coding);
            Bytes alone;
            for (const Floats& row : rows) {
                const Bytes bytes = quantized(f32_table(row, dim), coding);
                alone.insert(alone.end(), bytes.begin(), bytes.end());
            }
            CHECK((together == alone));
            for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
                Bytes parallel(together.size());
                REQUIRE(Engine({.threads = threads}).quantize_rows(source, coding, parallel));
                CHECK((parallel == together));
            }
        }
    }
}

TEST_CASE("formats that differ in where the parameters stand have the same ones") {
    Random random(94);
    const Floats values = joined(rows_of_all_kinds(random, 24));
    const Table source = f32_table(values, 24);
    for (const auto method : {QuantizationMethod::greedy, QuantizationMethod::search}) {
        for (const auto& [last, first] :
             {std::pair{RowFormat::int4, RowFormat::tbe_int4}, std::pair{RowFormat::int2, RowFormat::tbe_int2}}) {
            CHECK(squared_errors(source, {last, method}) == squared_errors(source, {first, method}));
        }
    }
}

TEST_CASE("f16 and bf16 rows give what their values give as f32") {
    Random random(95);
    for (const RowFormat from : {RowFormat::f16, RowFormat::bf16}) {
        const MadeTable source = make_table(random, from, 20, 37, 3, Values::tame);
        Floats values(20 * 37);
        REQUIRE(dequantize_rows(table_of(source), 0, values));
        for (const auto method : {QuantizationMethod::greedy, QuantizationMethod::search}) {
            const RowCoding coding = {RowFormat::int2, method};
            CHECK((quantized(table_of(source), coding) == quantized(f32_table(values, 37), coding)));
        }
    }
}

// PyTorch's walk goes on for ever where a step is too small to change a float.
TEST_CASE("greedy ends on rows whose values are a few floats apart") {
    for (const float least : {1.0f, -1.0f, 1000.0f, 1.999999f}) {
        for (int apart = 0; apart < 300; ++apart) {
            float most = least;
            for (int i = 0; i < apart; ++i) most = std::nextafter(most, 1e9f);
            const Floats row = {least, most, least, most};
            for (const RowFormat format : {RowFormat::int4, RowFormat::int2})
                check_never_worse(f32_table(row, 4), format);
        }
    }
}

TEST_CASE("float formats have nothing to choose") {
    const Floats values = {1.5f, -2, 0.25f, 100};
    for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
        const Bytes expected = quantized(f32_table(values, 2), format);
        for (const auto method : kMethods) {
            CHECK(is_available({format, method}));
            CHECK((quantized(f32_table(values, 2), {format, method}) == expected));
        }
    }
}

TEST_CASE("greedy is refused at 8 bits, as PyTorch has no such operator") {
    const Floats values = {1, 2};
    Bytes out(100);
    for (const RowFormat format : {RowFormat::int8, RowFormat::int8_f16, RowFormat::tbe_int8}) {
        const RowCoding coding = {format, QuantizationMethod::greedy};
        CHECK(!is_available(coding));
        const Status status = quantize_rows(f32_table(values, 2), coding, std::span(out).first(row_bytes(format, 2)));
        CHECK(status.error().code == ErrorCode::invalid_argument);
        CHECK(status.error().message ==
              "table t: greedy quantizes to 4 or 2 bits, not to " + std::string(to_string(format)));
    }
}

TEST_CASE("a row that cannot be held is named at every place of a block") {
    constexpr std::size_t kRows = 40;
    for (std::size_t bad = 0; bad < kRows; ++bad) {
        Floats values(kRows * 2, 0.5f);
        values[bad * 2 + 1] = bad % 2 == 0 ? NAN : -1e5f;
        for (const auto method : kMethods) {
            Bytes out(kRows * row_bytes(RowFormat::int4, 2));
            const Status status = quantize_rows(f32_table(values, 2), {RowFormat::int4, method}, out);
            CHECK(status.error().code == ErrorCode::invalid_argument);
            CHECK(status.error().message ==
                  "table t, row " + std::to_string(bad) +
                      (bad % 2 == 0 ? ": column 1 is NaN" : ": scale or bias would not be finite as int4"));
        }
    }
}

TEST_CASE("methods have names") {
    for (const auto method : kMethods) CHECK(parse_quantization_method(to_string(method)) == method);
    CHECK(to_string(QuantizationMethod::min_max) == "min-max");
    for (const std::string_view name : {"", "min_max", "Greedy"}) CHECK(!parse_quantization_method(name));
}

TEST_CASE("a row format alone is coded by min_max") {
    CHECK(RowCoding(RowFormat::int4) == RowCoding(RowFormat::int4, QuantizationMethod::min_max));
}

}  // namespace
}  // namespace rowpool::test
