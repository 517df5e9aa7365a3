// Tables over the caller's memory, and the row formats and names behind them.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "core/local_rows.hpp"
#include "rowpool/table.hpp"
#include "tests/support/reference.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

/// Why a table of this shape over `bytes` bytes is refused.
std::string refusal(const TableShape& shape, std::size_t bytes) {
    const std::vector<std::byte> memory(bytes);
    const auto table = Table::view("t", shape, memory);
    REQUIRE(!table);
    CHECK(table.error().code == ErrorCode::invalid_argument);
    return table.error().message;
}

TEST_CASE("a table is what its shape says") {
    const std::vector<std::byte> memory(3 * 20 - 4);
    const Table table =
        view("items", {.format = RowFormat::f16, .rows = 3, .dim = 8, .row_stride = 20, .padding_index = -1}, memory);
    CHECK(table.name() == "items");
    CHECK(table.format() == RowFormat::f16);
    CHECK(table.rows() == 3);
    CHECK(table.dim() == 8);
    CHECK(table.row_stride() == 20);
    CHECK(table.padding_index() == 2);
    CHECK(table.data() == memory.data());
}

TEST_CASE("a stride of 0 means rows without gaps") {
    const std::vector<std::byte> memory(15);
    CHECK(view("t", {.format = RowFormat::int8, .rows = 1, .dim = 7}, memory).row_stride() == 15);
}

TEST_CASE("memory may be longer than its rows, and a table may have none") {
    const std::vector<std::byte> memory(100);
    CHECK(view("t", {.format = RowFormat::f32, .rows = 2, .dim = 3}, memory).rows() == 2);
    CHECK(view("t", {.format = RowFormat::f32, .rows = 0, .dim = 3}, {}).rows() == 0);
}

TEST_CASE("a copy of a table is the same table") {
    const std::vector<float> values = {1, 2};
    std::optional<Table> original = f32_table(values, 2, "original");
    const Table copy = *original;
    original.reset();
    CHECK(copy.name() == "original");
    CHECK(pooled(copy, Bags::rows(std::vector<std::int32_t>{0}), {.mode = Pooling::none}) == values);
}

TEST_CASE("shapes that cannot be are refused") {
    const std::size_t huge = std::numeric_limits<std::size_t>::max();
    CHECK(refusal({.format = RowFormat::f32, .rows = 1, .dim = 0}, 100) == "table t: dim 0 is not 1 to 65536");
    CHECK(refusal({.format = RowFormat::f32, .rows = 1, .dim = kMaxDim + 1}, 100) ==
          "table t: dim 65537 is not 1 to 65536");
    CHECK(refusal({.format = RowFormat::f32, .rows = 1, .dim = 4, .row_stride = 15}, 100) ==
          "table t: row stride 15 is below the 16 bytes of a row");
    CHECK(refusal({.format = RowFormat::f32, .rows = 3, .dim = 4, .row_stride = 20}, 55) ==
          "table t: 55 bytes are fewer than the 56 of its rows");
    CHECK(refusal({.format = RowFormat::f32, .rows = huge, .dim = 4}, 100) ==
          "table t: the bytes of " + std::to_string(huge) + " rows do not fit 64 bits");
}

TEST_CASE("padding indices outside the table are refused") {
    CHECK(refusal({.format = RowFormat::f32, .rows = 2, .dim = 1, .padding_index = 2}, 8) ==
          "table t: padding index 2 is outside its 2 ids");
    CHECK(refusal({.format = RowFormat::f32, .rows = 2, .dim = 1, .padding_index = -3}, 8) ==
          "table t: padding index -3 is outside its 2 ids");
    CHECK(refusal({.format = RowFormat::f32, .rows = 0, .dim = 1, .padding_index = 0}, 0) ==
          "table t: padding index 0 is outside its 0 ids");
}

TEST_CASE("a remap says which ids there are and where their rows are") {
    const std::vector<std::byte> memory(3 * 4);
    const std::vector<std::int32_t> remap = {2, -1, 0, 0, 3, INT32_MIN};
    const TableShape shape = {.format = RowFormat::f32, .rows = 3, .dim = 1, .padding_index = -2};
    const auto table = Table::view("t", shape, memory, remap);
    REQUIRE(table);
    CHECK(table->rows() == 3);
    CHECK(table->num_ids() == 6);
    CHECK(table->padding_index() == 4);
    CHECK(table->remap().data() == remap.data());
    CHECK(core::local_remap(*table).data() == remap.data());
    const std::int64_t rows[] = {2, -1, 0, 0, -1, -1};
    for (std::size_t id = 0; id < 6; ++id) CHECK(table->row_of(id) == rows[id]);
}

TEST_CASE("without a remap, or with an empty one, ids are rows") {
    const std::vector<std::byte> memory(3 * 4);
    const TableShape shape = {.format = RowFormat::f32, .rows = 3, .dim = 1};
    const std::vector<std::int32_t> some(1);
    for (const auto& table :
         {Table::view("t", shape, memory), Table::view("t", shape, memory, std::span(some).first(0))}) {
        REQUIRE(table);
        CHECK(table->num_ids() == 3);
        CHECK(table->remap().data() == nullptr);
        CHECK(table->row_of(2) == 2);
    }
}

TEST_CASE("a remap that does not fit its table is refused") {
    const std::vector<std::int32_t> remap(2);
    const auto refused = [&](const TableShape& shape, std::size_t bytes) {
        const std::vector<std::byte> memory(bytes);
        const auto table = Table::view("t", shape, memory, remap);
        return table ? std::string() : table.error().message;
    };
    CHECK(refused({.format = RowFormat::f32, .rows = 3, .dim = 1, .padding_index = 2}, 12) ==
          "table t: padding index 2 is outside its 2 ids");
    CHECK(refused({.format = RowFormat::f16, .rows = std::size_t{1} << 31, .dim = 1}, 0) ==
          "table t: 2147483648 rows are more than a remap can name");
    CHECK(refused({.format = RowFormat::f16, .rows = (std::size_t{1} << 31) - 1, .dim = 1}, 0) ==
          "table t: 0 bytes are fewer than the 4294967294 of its rows");
}

TEST_CASE("row bytes are those of the formats' definitions") {
    for (const RowFormat format : all_row_formats()) {
        for (std::size_t dim = 1; dim < 300; ++dim) CHECK(row_bytes(format, dim) == parts_of(format, dim).row_bytes);
        CHECK(row_bytes(format, kMaxDim) == parts_of(format, kMaxDim).row_bytes);
        CHECK(is_coded(format) == (parts_of(format, 1).code_bits != 0));
    }
}

TEST_CASE("names of formats, poolings and output types read back") {
    CHECK(all_row_formats().size() == 10);
    for (const RowFormat format : all_row_formats()) CHECK(parse_row_format(to_string(format)) == format);
    for (const Pooling mode : {Pooling::none, Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max}) {
        CHECK(parse_pooling(to_string(mode)) == mode);
    }
    for (const OutputType type : {OutputType::f32, OutputType::f16, OutputType::bf16}) {
        CHECK(parse_output_type(to_string(type)) == type);
    }
    CHECK(to_string(RowFormat::int8_f16) == "int8-f16");
    CHECK(to_string(RowFormat::tbe_int4) == "tbe-int4");
    for (const std::string_view name : {"", "INT8", "int8 ", "f64"}) CHECK(!parse_row_format(name));
    CHECK(!parse_pooling("average"));
    CHECK(!parse_output_type("int8"));
}

}  // namespace
}  // namespace rowpool::test
