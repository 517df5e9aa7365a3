// Tables that can change: how they begin, grow, and what they refuse.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include "tests/support/learning.hpp"
#include "training/initial.hpp"

namespace rowpool::train {
namespace {

using rowpool::test::rows_of;

MutableTable make(const TableOptions& options, std::size_t threads = 1) {
    auto made = MutableTable::create("t", options, Workers(threads));
    REQUIRE_MESSAGE(made, made.message());
    return *made;
}

TEST_CASE("quantiles of the normal distribution") {
    // statistics.NormalDist().inv_cdf(p) of Python
    const std::pair<double, double> known[] = {{0.5, 0.0},
                                               {0.975, 1.959963984540054},
                                               {0.025, -1.959963984540054},
                                               {0.8, 0.8416212335729143},
                                               {0.999999, 4.753424308817089},
                                               {1e-10, -6.361340902404056},
                                               {1e-300, -37.0470962993612}};
    for (const auto& [p, x] : known) CHECK(normal_quantile(p) == doctest::Approx(x).epsilon(1e-14));
    for (double p = 0x1p-54; p < 1; p = p * 1.01 + 1e-17) {
        CHECK(std::abs(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)) / p - 1) < 1e-12);
    }
}

TEST_CASE("new rows are normal, uniform or zeros, and the same for every number of threads") {
    for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
        const TableOptions options = {.num_embeddings = 3000, .embedding_dim = 40, .format = format, .seed = 7};
        const MutableTable one = make(options);
        for (const std::size_t threads : {2u, 3u, 7u})
            CHECK(std::ranges::equal(make(options, threads).bytes(), one.bytes()));
    }
    const auto moments = [](const std::vector<float>& values) {
        double mean = 0, square = 0, fourth = 0, largest = 0;
        for (const float value : values) {
            mean += value;
            square += double{value} * value;
            fourth += std::pow(double{value}, 4);
            largest = std::max(largest, std::abs(double{value}));
        }
        const auto n = static_cast<double>(values.size());
        return std::array{mean / n, square / n, fourth / n, largest};
    };
    const auto normal = moments(rows_of(make({.num_embeddings = 3000, .embedding_dim = 100})));
    CHECK(std::abs(normal[0]) < 0.006);  // three standard deviations
    CHECK(std::abs(normal[1] - 1) < 0.008);
    CHECK(std::abs(normal[2] - 3) < 0.06);
    const auto uniform =
        moments(rows_of(make({.num_embeddings = 2500, .embedding_dim = 100, .initial = Initial::uniform})));
    CHECK(std::abs(uniform[0]) < 0.0001);
    CHECK(std::abs(uniform[1] * 3 * 2500 - 1) < 0.01);
    CHECK(uniform[3] <= 0.02);
    CHECK(moments(rows_of(make({.num_embeddings = 9, .embedding_dim = 3, .initial = Initial::zeros})))[3] == 0);
    CHECK(rows_of(make({.num_embeddings = 9, .embedding_dim = 3, .seed = 1})) !=
          rows_of(make({.num_embeddings = 9, .embedding_dim = 3, .seed = 2})));
}

TEST_CASE("the padding row of a new table is zeros, that of a given one stays") {
    const MutableTable table = make({.num_embeddings = 4, .embedding_dim = 3, .padding_idx = -2});
    CHECK(table.padding_idx() == 2);
    const auto rows = rows_of(table);
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK((rows[i] == 0) == (i / 3 == 2));
    const std::vector<float> given = {1, 2, 3, 4};
    const auto view = Table::view("given", {.rows = 2, .dim = 2, .padding_index = 0}, std::as_bytes(std::span(given)));
    const auto kept = MutableTable::from_pretrained(*view);
    CHECK(kept->padding_idx() == 0);
    CHECK(kept->name() == "given");
    CHECK(rows_of(*kept) == given);
    const auto other = MutableTable::from_pretrained(*view, {.padding_idx = -1, .format = RowFormat::bf16});
    CHECK(other->padding_idx() == 1);
    CHECK(other->format() == RowFormat::bf16);
    CHECK(rows_of(*MutableTable::from_pretrained(other->view(), {.format = RowFormat::f32})) == given);
}

TEST_CASE("coded rows become floats, rows with gaps lose them") {
    const std::vector<float> values = {1, 2, 3, -9, 4, 5, 6, -9};
    const auto gaps = Table::view("g", {.rows = 2, .dim = 3, .row_stride = 16}, std::as_bytes(std::span(values)));
    CHECK(rows_of(*MutableTable::from_pretrained(*gaps)) == std::vector<float>{1, 2, 3, 4, 5, 6});
    const std::vector<float> whole = {0, 255, 0, 510};
    std::vector<std::byte> coded(2 * row_bytes(RowFormat::int8, 2));
    REQUIRE(quantize_rows(*Table::view("w", {.rows = 2, .dim = 2}, std::as_bytes(std::span(whole))), RowFormat::int8,
                          coded));
    const auto view = Table::view("c", {.format = RowFormat::int8, .rows = 2, .dim = 2}, coded);
    CHECK(rows_of(*MutableTable::from_pretrained(*view)) == whole);
}

TEST_CASE("a table grows to what it would have been") {
    for (const Initial initial : {Initial::normal, Initial::zeros}) {
        MutableTable table = make({.num_embeddings = 5, .embedding_dim = 3, .initial = initial, .seed = 3});
        const auto before = rows_of(table);
        REQUIRE(table.grow(200));
        CHECK(rows_of(table) ==
              rows_of(make({.num_embeddings = 200, .embedding_dim = 3, .initial = initial, .seed = 3})));
        CHECK(table.touched().size() == 195);
        CHECK(table.touched().front() == 5);
        table.clear_touched();
        table.touch(64);
        CHECK(table.touched() == std::vector<std::size_t>{64});
        CHECK(table.grow(199).message() == "table t: cannot grow from 200 to 199 rows");
        CHECK(table.rows() == 200);
    }
    MutableTable none = make({.num_embeddings = 0, .embedding_dim = 2});
    CHECK(none.touched().empty());
    none.clear_touched();
    REQUIRE(none.grow(1));
    CHECK(none.view().rows() == 1);
}

TEST_CASE("tables of neighbouring seeds have no row in common") {
    std::set<float> seen;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto rows = rows_of(make({.num_embeddings = 50, .embedding_dim = 1, .seed = seed}));
        seen.insert(rows.begin(), rows.end());
    }
    CHECK(seen.size() > 2490);
}

TEST_CASE("handles are never empty") {
    MutableTable table = make({.num_embeddings = 2, .embedding_dim = 1});
    const MutableTable moved = std::move(table);  // NOLINT(performance-move-const-arg): a copy
    CHECK(table.rows() == 2);                     // NOLINT(bugprone-use-after-move): that is the point
    table.touch(2);
    table.touch(std::size_t{1} << 40);
    CHECK(!table.is_touched(2));
    CHECK(table.touched().empty());
    CHECK(!make({.num_embeddings = 0, .embedding_dim = 1}).is_touched(0));
}

TEST_CASE("growing row by row moves the rows now and then") {
    MutableTable table = make({.num_embeddings = 100, .embedding_dim = 3, .seed = 3});
    std::size_t moves = 0;
    for (std::size_t rows = 101; rows <= 1000; ++rows) {
        const std::byte* const before = table.bytes().data();
        REQUIRE(table.grow(rows));
        moves += table.bytes().data() != before ? 1u : 0u;
        CHECK(table.view().data() == table.bytes().data());
        CHECK(table.view().rows() == rows);
    }
    CHECK(moves < 10);
    CHECK(rows_of(table) == rows_of(make({.num_embeddings = 1000, .embedding_dim = 3, .seed = 3})));
}

TEST_CASE("what a table cannot be") {
    const auto refusal = [](const TableOptions& options) { return MutableTable::create("t", options).message(); };
    CHECK(refusal({.num_embeddings = 1, .embedding_dim = 0}) == "table t: embedding_dim 0 is not 1 to 65536");
    CHECK(refusal({.num_embeddings = 1, .embedding_dim = 65537}) == "table t: embedding_dim 65537 is not 1 to 65536");
    CHECK(refusal({.num_embeddings = std::size_t{1} << 32, .embedding_dim = 1}) ==
          "table t: 4294967296 rows are more than 2^32 - 1");
    CHECK(refusal({.num_embeddings = 1, .embedding_dim = 1, .format = RowFormat::int8}) ==
          "table t: rows of int8 cannot learn: f32, f16 or bf16");
    CHECK(refusal({.num_embeddings = 3, .embedding_dim = 1, .padding_idx = 3}) ==
          "table t: padding_idx 3 is not within 3 rows");
    CHECK(refusal({.num_embeddings = 3, .embedding_dim = 1, .padding_idx = -4}) ==
          "table t: padding_idx -4 is not within 3 rows");
    CHECK(refusal({.num_embeddings = 4000000000u, .embedding_dim = 65536}).find("there is no memory for") == 0);
    for (const char* const name : {"", "a\nb", "\xff", "__metadata__"}) {
        CHECK(!MutableTable::create(name, {.num_embeddings = 1, .embedding_dim = 1}));
    }
    const std::vector<float> large = {1e5f};
    const auto wide = Table::view("w", {.rows = 1, .dim = 1}, std::as_bytes(std::span(large)));
    CHECK(MutableTable::from_pretrained(*wide, {.format = RowFormat::f16}).code() == ErrorCode::invalid_argument);
    const std::vector<std::int32_t> remap = {0};
    const std::vector<float> row = {1};
    const auto view = Table::view("r", {.rows = 1, .dim = 1}, std::as_bytes(std::span(row)), remap);
    CHECK(MutableTable::from_pretrained(*view).message() ==
          "table r: ids are not rows: a table with a remap cannot learn");
}

}  // namespace
}  // namespace rowpool::train
