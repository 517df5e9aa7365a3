// Writing table files: what is in them byte by byte, and that they appear whole or not at all.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>

#include "file/safetensors.hpp"
#include "rowpool/isa.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/table_files.hpp"

namespace rowpool::test {
namespace {

using Names = std::vector<std::string>;

/// Why these tables are refused; no file may appear.
std::string refusal(const std::vector<NewTable>& tables) {
    const TemporaryFolder folder;
    const auto writer = TableFileWriter::create(folder / "f", tables);
    CHECK(folder.names().empty());
    if (writer) return "none";
    CHECK(writer.error().code == ErrorCode::invalid_argument);
    const std::string prefix = "cannot write " + folder / "f" + ": ";
    CHECK(writer.error().message.starts_with(prefix));
    return writer.error().message.substr(prefix.size());
}

std::string refusal_of_name(const std::string& name) { return refusal({new_table(name, RowFormat::f32, 1, 1)}); }

TEST_CASE("tables of every format read back with their rows and origins") {
    const TemporaryFolder folder;
    std::vector<NewTable> tables;
    for (const RowFormat format : all_row_formats()) {
        tables.push_back(new_table("table " + std::string(to_string(format)), format, 1 + tables.size() * 3, 37));
        tables.back().source = "trained.npy";
        tables.back().quantization = is_coded(format) ? "min-max" : "";
        tables.back().shape.padding_index = -1;
    }
    REQUIRE(write_tables(folder / "f", tables) == "");
    const TableFile file = open_tables(folder / "f");
    CHECK(file.has_metadata());
    CHECK(file.verify());
    REQUIRE(file.tables().size() == tables.size());
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const Table& table = file.tables()[i];
        CAPTURE(tables[i].name);
        CHECK(table.name() == tables[i].name);
        CHECK(table.format() == tables[i].shape.format);
        CHECK(table.rows() == tables[i].shape.rows);
        CHECK(table.dim() == 37);
        CHECK(table.row_stride() == row_bytes(table.format(), 37));
        CHECK(table.padding_index() == static_cast<std::int64_t>(table.rows() - 1));
        CHECK(table_bytes(table) == rows_of(tables, i));
        CHECK(file.origin(i).source == "trained.npy");
        CHECK(file.origin(i).quantization == tables[i].quantization);
        CHECK(!file.origin(i).error);
    }
}

TEST_CASE("the data section starts on a page, every tensor on 64 bytes, and filler is zero") {
    const TemporaryFolder folder;
    auto named = new_table("b", RowFormat::int4, 7, 5);
    named.row_names = "1\n2\n3\n4\n5\n6\n7";
    REQUIRE(write_tables(folder / "f", {new_table("a", RowFormat::f16, 3, 3), named}) == "");
    const std::string file = read_file(folder / "f");
    const auto header = file::parse_safetensors(bytes_of(file), "f");
    REQUIRE(header);
    CHECK(header->data_begin == 4096);
    Names names;
    for (const file::Tensor& tensor : header->tensors) {
        CAPTURE(tensor.name);
        names.push_back(tensor.name);
        if (!tensor.name.starts_with("__pad.")) {
            CHECK(tensor.begin % 64 == 0);
        } else {
            const std::string_view filler = std::string_view(file).substr(4096 + tensor.begin, tensor.size());
            CHECK(filler.find_first_not_of('\0') == filler.npos);
        }
    }
    CHECK(names == Names{"a", "__pad.0", "b", "__pad.1", "__xxh3.a", "__pad.2", "__xxh3.b", "__pad.3", "__names.b"});
    CHECK(header->tensors[0].dtype == "F16");
    CHECK(header->tensors[0].shape == std::vector<std::uint64_t>{3, 3});
    CHECK(header->tensors[2].dtype == "U8");
    CHECK(header->tensors[2].shape == std::vector<std::uint64_t>{7, 7});
    CHECK(header->tensors[4].dtype == "U64");
}

TEST_CASE("a remap reads back, with names and padding by id") {
    const TemporaryFolder folder;
    const std::vector<std::int32_t> remap = {1, -1, 0, 1};
    auto table = new_table("t", RowFormat::int8, 2, 3);
    table.remap = remap;
    table.row_names = "a\nb\nc\nd";
    table.shape.padding_index = -1;
    REQUIRE(write_tables(folder / "f", {table}) == "");
    const TableFile file = open_tables(folder / "f");
    CHECK(file.verify());
    CHECK(file.tables()[0].rows() == 2);
    CHECK(file.tables()[0].num_ids() == 4);
    CHECK(file.tables()[0].padding_index() == 3);
    CHECK(std::ranges::equal(file.tables()[0].remap(), remap));
    CHECK(file.row_names(0)->size() == 4);
    const std::string bytes = read_file(folder / "f");
    const auto header = file::parse_safetensors(bytes_of(bytes), "f");
    REQUIRE(header);
    const file::Tensor& last = header->tensors.back();
    CHECK(last.name == "__remap.t");
    CHECK(last.dtype == "I32");
    CHECK(last.shape == std::vector<std::uint64_t>{4});
    CHECK(last.begin % 64 == 0);
}

TEST_CASE("only a file with a remap needs a reader of version 2") {
    const TemporaryFolder folder;
    const std::vector<std::int32_t> remap = {0};
    auto table = new_table("t", RowFormat::int8, 1, 3);
    REQUIRE(write_tables(folder / "f", {table}) == "");
    CHECK(read_file(folder / "f").find(R"(\"version\":1)") != std::string::npos);
    table.remap = remap;
    REQUIRE(write_tables(folder / "f", {table}) == "");
    CHECK(read_file(folder / "f").find(R"(\"version\":2)") != std::string::npos);
}

TEST_CASE("a remap to what is no row is refused, as is what does not fit its ids") {
    std::vector<std::int32_t> remap = {1, -1, 2};
    auto table = new_table("t", RowFormat::f32, 2, 1);
    table.remap = remap;
    CHECK(refusal({table}) == "table t: id 2 is row 2, which is not in [-1, 2)");
    remap[2] = -2;
    CHECK(refusal({table}) == "table t: id 2 is row -2, which is not in [-1, 2)");
    remap[2] = 0;
    table.row_names = "a\nb";
    CHECK(refusal({table}) == "table t: has 2 row names for 3 rows");
    table.row_names = "";
    table.shape.padding_index = 3;
    CHECK(refusal({table}) == "table t: padding index 3 is outside its 3 ids");
}

TEST_CASE("tables without rows") {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "all", {new_table("t", RowFormat::int8, 0, 4)}) == "");
    CHECK(std::filesystem::file_size(folder / "all") == 4096);
    CHECK(open_tables(folder / "all").table("t")->rows() == 0);
    const auto first = new_table("first", RowFormat::f16, 1, 1);
    REQUIRE(write_tables(folder / "some", {new_table("none", RowFormat::f32, 0, 1), first,
                                           new_table("last", RowFormat::int2, 0, 9)}) == "");
    const TableFile file = open_tables(folder / "some");
    CHECK(file.tables().size() == 3);
    CHECK(file.verify());
}

TEST_CASE("rows may come in any pieces") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {
        new_table("t", RowFormat::int8, 50'000, 64)};  // three checksum blocks and a half
    REQUIRE(write_tables(folder / "whole", tables) == "");
    const auto rows = rows_of(tables, 0);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{999}, std::size_t{20'000}}) {
        auto writer = TableFileWriter::create(folder / "pieces", tables);
        REQUIRE(writer);
        for (std::size_t at = 0; at < rows.size(); at += piece * 72) {
            CHECK(writer->append(std::span(rows).subspan(at, std::min(piece * 72, rows.size() - at))));
        }
        CHECK(writer->append({}));
        CHECK(writer->finish());
        CHECK(read_file(folder / "pieces") == read_file(folder / "whole"));
    }
    CHECK(open_tables(folder / "whole").verify());
}

TEST_CASE("rows that are too many, too few or cut are refused") {
    const TemporaryFolder folder;
    auto writer = TableFileWriter::create(folder / "f",
                                          {new_table("a", RowFormat::f32, 2, 1), new_table("b", RowFormat::f16, 1, 1)});
    REQUIRE(writer);
    const std::string prefix = "cannot write " + folder / "f" + ": ";
    const auto append = [&](std::size_t bytes) { return message_of(writer->append(random_bytes(bytes, 1))); };
    CHECK(append(6) == prefix + "table a: got a part of a row");
    CHECK(append(12) == prefix + "table a: got too many rows");
    CHECK(append(4) == "");
    CHECK(message_of(writer->finish()) == prefix + "table a: 1 rows are missing");
    CHECK(append(8) == prefix + "table a: got too many rows");
    CHECK(append(4) == "");
    CHECK(message_of(writer->finish()) == prefix + "table b: 1 rows are missing");
    CHECK(append(2) == "");
    CHECK(append(2) == prefix + "all tables have all their rows");
    CHECK(folder.names().empty());
    CHECK(message_of(writer->finish()) == "");
    CHECK(folder.names() == Names{"f"});
}

TEST_CASE("error metrics come back exactly; what is no figure is not recorded") {
    constexpr double kMax = std::numeric_limits<double>::max();
    const TemporaryFolder folder;
    std::vector<NewTable> tables;
    const std::vector<ErrorMetrics> metrics = {{0.1, 1.0 / 3},    {0, 0},        {kMax, 2.2250738585072014e-308},
                                               {std::nan(""), 0}, {0, HUGE_VAL}, {-1, 0}};
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        tables.push_back(new_table(std::to_string(i), RowFormat::int8, 0, 1));
    }
    auto writer = TableFileWriter::create(folder / "f", tables);
    REQUIRE(writer);
    for (std::size_t i = 0; i < metrics.size(); ++i) writer->set_error(i, metrics[i]);
    writer->set_error(1, metrics[0]);
    writer->set_error(1, metrics[1]);
    REQUIRE(message_of(writer->finish()) == "");
    const TableFile file = open_tables(folder / "f");
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(file.origin(i).error);
        CHECK(file.origin(i).error->max_abs == metrics[i].max_abs);
        CHECK(file.origin(i).error->relative_l2 == metrics[i].relative_l2);
    }
    for (std::size_t i = 3; i < metrics.size(); ++i) CHECK(!file.origin(i).error);
}

TEST_CASE("the header has room for the longest metrics of many tables") {
    const TemporaryFolder folder;
    for (std::size_t count = 60; count < 80; ++count) {  // lengths on both sides of a page's end
        std::vector<NewTable> tables;
        for (std::size_t i = 0; i < count; ++i) tables.push_back(new_table(std::to_string(i), RowFormat::int8, 1, 1));
        auto writer = TableFileWriter::create(folder / "f", tables);
        REQUIRE(writer);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(writer->append(random_bytes(9, i)));
            writer->set_error(i, {1.7976931348623157e308, 1.2345678901234567e-300});
        }
        CHECK(message_of(writer->finish()) == "");
    }
}

TEST_CASE("texts that are not UTF-8 are written as replacement characters") {
    const TemporaryFolder folder;
    auto table = new_table("t", RowFormat::f32, 1, 1);
    table.source = "a\xff\"\n.npy";
    REQUIRE(write_tables(folder / "f", {table}) == "");
    CHECK(open_tables(folder / "f").origin(0).source == "a\xef\xbf\xbd\"\n.npy");
}

TEST_CASE("names with quotes, backslashes and the words of the format itself") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table(R"("rowpool.xxh3":"0000000000000000")", RowFormat::f32, 1, 1),
                                          new_table(R"(\"rowpool.xxh3\":\")", RowFormat::int8, 1, 1),
                                          new_table("rowpool", RowFormat::int8, 2, 1)};
    REQUIRE(write_tables(folder / "f", tables) == "");
    const TableFile file = open_tables(folder / "f");
    for (std::size_t i = 0; i < tables.size(); ++i) CHECK(file.tables()[i].name() == tables[i].name);
}

TEST_CASE("names that are refused") {
    CHECK(refusal_of_name("") == "a table has no name");
    CHECK(refusal_of_name("__pad.0") == "table __pad.0: its name starts with \"__\", which is reserved");
    CHECK(refusal_of_name("__metadata__") == "table __metadata__: its name starts with \"__\", which is reserved");
    CHECK(refusal_of_name("a\nb") == "table a\\x0ab: its name has a control character");
    CHECK(refusal_of_name("a\xff") == "table a\\xff: its name is not UTF-8");
    CHECK(refusal_of_name("_fine") == "none");
    CHECK(refusal_of_name("also fine: \xe2\x82\xac/\\\"") == "none");
    CHECK(refusal({new_table("t", RowFormat::f32, 1, 1), new_table("t", RowFormat::f16, 1, 1)}) ==
          "table t: its name is there twice");
    CHECK(refusal({}) == "a table file needs a table");
}

TEST_CASE("shapes that are refused") {
    const std::size_t huge = std::numeric_limits<std::size_t>::max();
    CHECK(refusal({new_table("t", RowFormat::f32, 1, 0)}) == "table t: dim 0 is not 1 to 65536");
    CHECK(refusal({new_table("t", RowFormat::f32, huge, 1)}) ==
          "table t: the bytes of 18446744073709551615 rows do not fit 64 bits");
    CHECK(refusal({new_table("t", RowFormat::f32, huge / 8, 1)}) == "table t: is too large for a file");
    auto strided = new_table("t", RowFormat::f32, 1, 1);
    strided.shape.row_stride = 4;
    CHECK(refusal({strided}) == "table t: row_stride is not 0");
    auto padded = new_table("t", RowFormat::f32, 1, 1);
    padded.shape.padding_index = 1;
    CHECK(refusal({padded}) == "table t: padding index 1 is outside its 1 ids");
}

TEST_CASE("row names that are not one a row are refused") {
    auto table = new_table("t", RowFormat::f32, 2, 1);
    table.row_names = "a";
    CHECK(refusal({table}) == "table t: has 1 row names for 2 rows");
    table.row_names = "a\nb\n";
    CHECK(refusal({table}) == "table t: has 3 row names for 2 rows");
    table.shape.rows = 0;
    CHECK(refusal({table}) == "table t: has 3 row names for 0 rows");
}

TEST_CASE("an abandoned or failed write leaves the folder as it was") {
    const TemporaryFolder folder;
    write_file(folder / "f", "old");
    {
        auto writer = TableFileWriter::create(folder / "f", {new_table("t", RowFormat::f32, 2, 1)});
        REQUIRE(writer);
        CHECK(writer->append(random_bytes(4, 1)));
    }
    CHECK(write_tables(folder / "no/f", {new_table("t", RowFormat::f32, 2, 1)}) ==
          "cannot write " + folder / "no/f" + ": No such file or directory");
    CHECK(folder.names() == Names{"f"});
    CHECK(read_file(folder / "f") == "old");
}

TEST_CASE("a device that fills up is an error at the append and leaves nothing") {
    const TemporaryFolder folder;
    write_file(folder / "f", "old");
    const std::string answer = in_child_with_isa(std::string(*active_isa()), [&] {
        const rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        std::signal(SIGXFSZ, SIG_IGN);
        return write_tables(folder / "f", {new_table("t", RowFormat::f32, 1 << 20, 1)});
    });
    CHECK(answer == "cannot write " + folder / "f" + ": File too large");
    CHECK(folder.names() == Names{"f"});
    CHECK(read_file(folder / "f") == "old");
}

TEST_CASE("a file can be written while the one it replaces is in use") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("t", RowFormat::int8, 100, 8)};
    REQUIRE(write_tables(folder / "f", tables) == "");
    const TableFile old = open_tables(folder / "f");
    REQUIRE(write_tables(folder / "f", {new_table("other", RowFormat::f32, 1, 1)}) == "");
    CHECK(table_bytes(old.tables()[0]) == rows_of(tables, 0));
    CHECK(old.verify());
    CHECK(open_tables(folder / "f").tables()[0].name() == "other");
}

}  // namespace
}  // namespace rowpool::test
