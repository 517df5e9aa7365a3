// Errors row by row, and the rows that plots are drawn from.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "rowpool/quantize.hpp"
#include "tools/charts/row_sample.hpp"
#include "tools/compare/row_errors.hpp"

namespace rowpool::tools {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Table view(const std::vector<float>& values, std::size_t dim) {
    const auto table =
        Table::view("t", {RowFormat::f32, values.size() / dim, dim, 0, {}}, std::as_bytes(std::span(values)));
    REQUIRE(table);
    return *table;
}

RowErrors errors_of(const std::vector<float>& source, const std::vector<float>& decoded, std::size_t dim,
                    std::size_t first = 0) {
    RowErrors errors;
    errors.add(first, view(source, dim), view(decoded, dim));
    return errors;
}

TEST_CASE("metrics, cosines and the worst row") {
    const RowErrors errors = errors_of({3, 4, 1, 0, 2, 0}, {3, 4, 0, 1, 2, 1}, 2, 100);
    CHECK(errors.rows() == 3);
    CHECK(errors.changed() == 2);
    CHECK(errors.with_error() == 2);
    CHECK(errors.metrics().max_abs == 1);
    CHECK(errors.metrics().relative_l2 == doctest::Approx(std::sqrt(3.0 / 30)));
    CHECK(errors.worst_cosine() == doctest::Approx(0));
    CHECK(errors.mean_cosine() == doctest::Approx((1 + 0 + 2 / std::sqrt(5)) / 3));
    REQUIRE(errors.worst().size() == 2);
    CHECK(errors.worst()[0].row == 101);
    CHECK(errors.worst()[0].relative == doctest::Approx(std::sqrt(2)));
    CHECK(errors.worst()[1].row == 102);
    CHECK(errors.worst()[1].relative == doctest::Approx(0.5));
}

TEST_CASE("equal rows have no error") {
    const RowErrors errors = errors_of({1, -0.0F, kNan, kInfinity}, {1, 0.0F, kNan, kInfinity}, 2);
    CHECK(errors.changed() == 0);
    CHECK(errors.with_error() == 0);
    CHECK(errors.worst().empty());
    CHECK(errors.worst_cosine() == 1);
    CHECK(errors.distribution().counts.empty());
}

TEST_CASE("no rows") {
    const RowErrors errors;
    CHECK(errors.mean_cosine() == 1);
    CHECK(errors.metrics().relative_l2 == 0);
}

TEST_CASE("what is not finite") {
    const RowErrors lost = errors_of({1, 2}, {1, kNan}, 2);  // only the decoded value
    CHECK(std::isinf(lost.metrics().max_abs));
    CHECK(lost.worst_cosine() == 0);
    const RowErrors left_out = errors_of({1, kNan}, {1, 5}, 2);  // the source: no error, but another value
    CHECK(left_out.metrics().max_abs == 0);
    CHECK(left_out.changed() == 1);
}

TEST_CASE("a row of zeros that did not stay so is the worst") {
    const RowErrors errors = errors_of({0, 0, 1, 1}, {0, 1e-30F, 9, 9}, 2);
    CHECK(errors.worst()[0].row == 0);
    CHECK(std::isinf(errors.worst()[0].relative));
    CHECK(errors.worst()[0].cosine == 0);
}

TEST_CASE("sums of pieces are those of the whole") {
    std::vector<float> source(3000);
    std::vector<float> decoded(3000);
    for (std::size_t i = 0; i < source.size(); ++i) {
        source[i] = std::sin(static_cast<float>(i));
        decoded[i] = source[i] + 0.01F * std::cos(static_cast<float>(i * i % 91));
    }
    const RowErrors whole = errors_of(source, decoded, 3);
    RowErrors pieces;
    for (const auto& [first, count] : {std::pair{0, 400}, {400, 1}, {401, 599}}) {
        const auto part = [&, first = first, count = count](const std::vector<float>& values) {
            return std::vector<float>(values.begin() + first * 3, values.begin() + (first + count) * 3);
        };
        pieces.merge(errors_of(part(source), part(decoded), 3, static_cast<std::size_t>(first)));
    }
    CHECK(pieces.rows() == 1000);
    CHECK(pieces.metrics().relative_l2 == doctest::Approx(whole.metrics().relative_l2).epsilon(1e-12));
    CHECK(pieces.distribution().counts == whole.distribution().counts);
    REQUIRE(pieces.worst().size() == RowErrors::kWorstKept);
    for (std::size_t i = 0; i < RowErrors::kWorstKept; ++i) CHECK(pieces.worst()[i].row == whole.worst()[i].row);
}

TEST_CASE("of equal errors the first rows are kept") {
    const RowErrors errors = errors_of(std::vector<float>(40, 1), std::vector<float>(40, 2), 1);
    for (std::size_t i = 0; i < RowErrors::kWorstKept; ++i) CHECK(errors.worst()[i].row == i);
}

TEST_CASE("the distribution holds each row at its error") {
    const Histogram histogram = errors_of({1, 1, 1}, {1.0105F, 1.011F, 1.12F}, 1).distribution();
    REQUIRE(histogram.edges.size() == histogram.counts.size() + 1);
    CHECK(histogram.edges.front() < 0.0105);
    CHECK(histogram.edges.back() > 0.12);
    CHECK(histogram.counts.front() == 2);
    CHECK(histogram.counts.back() == 1);
}

TEST_CASE("a small table is sampled whole") {
    const std::vector<float> values = {3, 4, 0, 0};
    const RowSample sample = sample_rows(view(values, 2), 4);
    CHECK(sample.rows == 2);
    CHECK(sample.values == values);
    CHECK(sample.norms == std::vector<float>{5, 0});
    CHECK(sample.steps.empty());
    CHECK(sample_rows(view({}, 2), 4).rows == 0);
}

TEST_CASE("of a large table runs of rows are sampled, both ends among them") {
    std::vector<float> values(100'000);
    std::iota(values.begin(), values.end(), 0.0F);
    const RowSample sample = sample_rows(view(values, 1), 3);
    CHECK(sample.rows == 3 * 4096);
    CHECK(sample.values.front() == 0);
    CHECK(sample.values.back() == 99'999);
    CHECK(sample.values[4096] == (100'000 - 4096) / 2);
}

TEST_CASE("steps are the scales of every coded format") {
    const std::vector<float> values = {0, 1, 2, 6, 0, 10, 20, 30};  // 3 columns would leave a packed row no odd end
    for (const RowFormat format : all_row_formats()) {
        if (!is_coded(format)) continue;
        CAPTURE(to_string(format));
        std::vector<std::byte> rows(2 * row_bytes(format, 4));
        REQUIRE(quantize_rows(view(values, 4), format, rows));
        const auto table = Table::view("t", {format, 2, 4, 0, {}}, rows);
        REQUIRE(table);
        const RowSample sample = sample_rows(*table, 4);
        const double codes = format == RowFormat::int4 || format == RowFormat::tbe_int4   ? 15
                             : format == RowFormat::int2 || format == RowFormat::tbe_int2 ? 3
                                                                                          : 255;
        REQUIRE(sample.steps.size() == 2);
        CHECK(static_cast<double>(sample.steps[0]) == doctest::Approx(6 / codes).epsilon(1e-3));
        CHECK(static_cast<double>(sample.steps[1]) == doctest::Approx(30 / codes).epsilon(1e-3));
    }
}

}  // namespace
}  // namespace rowpool::tools
