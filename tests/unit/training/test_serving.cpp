// Table files of tables that learn: written whole or refreshed, the same bytes.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "rowpool/table_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/learning.hpp"

namespace rowpool::train {
namespace {

using rowpool::test::read_file;
using rowpool::test::rows_of;
using rowpool::test::TemporaryFolder;

MutableTable make(std::string name, std::size_t rows, std::size_t dim, RowFormat format = RowFormat::f32) {
    return *MutableTable::create(std::move(name), {.num_embeddings = rows, .embedding_dim = dim, .format = format});
}

/// Changes a row and says so.
void change(MutableTable& table, std::size_t row) {
    const std::size_t bytes = table.bytes().size() / table.rows();
    table.bytes()[row * bytes + 1] ^= std::byte{1};
    table.touch(row);
}

TEST_CASE("a refreshed file is the file written whole, in every row format") {
    const TemporaryFolder folder;
    const std::string path = folder / "served", whole = folder / "whole";
    for (const RowFormat format : all_row_formats()) {
        for (const std::size_t threads : {1u, 2u}) {
            CAPTURE(to_string(format));
            const Workers workers(threads);
            MutableTable a = make("a", 20000, 33), b = make("b", 7, 4, RowFormat::bf16);
            const ServedTable tables[] = {{a, format}, {b, RowFormat::int8}};
            REQUIRE(write_table_file(path, tables, workers));
            a.clear_touched();
            b.clear_touched();
            for (const std::size_t row : {0u, 7000u, 19999u}) change(a, row);
            REQUIRE(a.grow(20500));
            REQUIRE(refresh_table_file(path, tables, workers));
            REQUIRE(write_table_file(whole, tables, workers));
            CHECK(read_file(path) == read_file(whole));
            const auto file = TableFile::open(path);
            REQUIRE(file);
            CHECK(file->tables()[0].rows() == 20500);
            REQUIRE(file->verify());
        }
    }
}

TEST_CASE("blocks without a touched row are taken from the file") {
    const TemporaryFolder folder;
    const std::string path = folder / "served";
    MutableTable table = make("t", 20000, 64);
    const ServedTable tables[] = {{table}};
    REQUIRE(write_table_file(path, tables));
    const std::vector<float> before = rows_of(table);
    table.clear_touched();
    table.bytes()[0] ^= std::byte{1};  // not touched: stays as it was
    change(table, 15000);
    REQUIRE(refresh_table_file(path, tables));
    const auto file = TableFile::open(path);
    const auto* rows = reinterpret_cast<const float*>(file->tables()[0].data());
    CHECK(rows[0] == before[0]);
    CHECK(rows[15000 * 64] == rows_of(table)[15000 * 64]);
    CHECK(rows[15000 * 64] != before[15000 * 64]);
}

TEST_CASE("files of other tables are refused and stay as they are") {
    const TemporaryFolder folder;
    const std::string path = folder / "served";
    const ServedTable written[] = {{make("t", 100, 8), RowFormat::int8}};
    REQUIRE(write_table_file(path, written));
    const std::string before = read_file(path);
    const auto refusal = [&](const std::vector<ServedTable>& tables) {
        const std::string message = refresh_table_file(path, tables).message();
        CHECK(read_file(path) == before);
        CHECK(folder.names() == std::vector<std::string>{"served"});
        return message;
    };
    const std::string start = "cannot refresh " + path + ": ";
    CHECK(refusal({}) == start + "it has 1 tables, not 0");
    CHECK(refusal({{make("u", 100, 8), RowFormat::int8}}) == start + "table u: the file has t there");
    CHECK(refusal({{make("t", 99, 8), RowFormat::int8}}) == start + "table t: the file has it in another shape");
    CHECK(refusal({{make("t", 100, 9), RowFormat::int8}}) == start + "table t: the file has it in another shape");
    CHECK(refusal({{make("t", 100, 8), RowFormat::int4}}) == start + "table t: the file has it in another coding");
    CHECK(refusal({{make("t", 100, 8), {RowFormat::int8, QuantizationMethod::search}}}) ==
          start + "table t: the file has it in another coding");
    MutableTable broken = make("t", 100, 8);
    const float nan = NAN;
    std::memcpy(broken.bytes().data() + 42 * 32, &nan, sizeof nan);
    broken.touch(42);
    CHECK(refusal({{broken, RowFormat::int8}}).find("row 42") != std::string::npos);
    CHECK(write_table_file(path, {}).code() == ErrorCode::invalid_argument);
    std::string damaged = before;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    rowpool::test::write_file(path, damaged);
    CHECK(refresh_table_file(path, written).code() == ErrorCode::corrupt_file);
    CHECK(read_file(path) == damaged);
}

TEST_CASE("the runtime's calls see what a table learns") {
    MutableTable table = make("t", 10, 4);
    const Table view = table.view();
    auto optimizer = *Optimizer::create(table, Sgd{.lr = 1});
    REQUIRE(optimizer.step(Gradient{.is_sparse = true, .rows = {2}, .values = {1, 2, 3, 4}}));
    std::vector<float> out(4);
    const std::vector<std::int64_t> indices = {2};
    REQUIRE(pool(view, Bags::rows(indices), {.mode = Pooling::none}, out));
    const std::vector<float> rows = rows_of(table);
    CHECK(std::ranges::equal(out, std::span(rows).subspan(8, 4)));
}

}  // namespace
}  // namespace rowpool::train
