// Opening table files: rowpool's own and any safetensors file.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "tests/support/table_files.hpp"

namespace rowpool::test {
namespace {

std::string refusal(const TableFile& file, std::string_view name) {
    const auto table = file.table(name);
    if (table) return "none";
    CHECK(table.error().code == ErrorCode::not_found);
    return table.error().message;
}

TEST_CASE("tables of a foreign file are its float matrices, in the order of their bytes") {
    const TemporaryFolder folder;
    write_file(folder / "f",
               container(header_of({entry("half", "F16", "[3,2]", 24, 36), entry("float", "F32", "[2,3]", 0, 24),
                                    entry("brain", "BF16", "[0,7]", 36, 36)}),
                         36));
    const TableFile file = open_tables(folder / "f");
    CHECK(file.path() == folder / "f");
    CHECK(!file.has_metadata());
    CHECK(file.verify());
    REQUIRE(file.tables().size() == 3);
    CHECK(file.tables()[0].name() == "float");
    CHECK(file.tables()[0].format() == RowFormat::f32);
    CHECK(file.tables()[0].rows() == 2);
    CHECK(file.tables()[0].dim() == 3);
    CHECK(file.tables()[0].row_stride() == 12);
    CHECK(!file.tables()[0].padding_index());
    CHECK(file.tables()[1].format() == RowFormat::f16);
    CHECK(table_bytes(file.tables()[1]) == std::vector<std::byte>(12, std::byte{'d'}));
    CHECK(file.tables()[2].format() == RowFormat::bf16);
    CHECK(file.tables()[2].rows() == 0);
    CHECK(file.origin(0).source.empty());
    CHECK(!file.origin(0).error);
    CHECK(file.row_names(0)->empty());
    CHECK(file.table("half")->dim() == 2);
}

TEST_CASE("why a tensor is no table") {
    const TemporaryFolder folder;
    write_file(
        folder / "f",
        container(header_of({entry("vector", "F32", "[4]", 0, 16), entry("cube", "F32", "[1,1,4]", 16, 32),
                             entry("ids", "I64", "[1,2]", 32, 48), entry("narrow", "F32", "[4,0]", 48, 48),
                             entry("wide", "F32", "[0,65537]", 48, 48), entry("fp8", "F8_E4M3", "[2,4]", 48, 56)}),
                  56));
    const TableFile file = open_tables(folder / "f");
    const std::string prefix = folder / "f" + ": tensor ";
    CHECK(file.tables().empty());
    CHECK(refusal(file, "vector") == prefix + "vector is no table: it has 1 dimensions, a table has 2");
    CHECK(refusal(file, "cube") == prefix + "cube is no table: it has 3 dimensions, a table has 2");
    CHECK(refusal(file, "ids") == prefix + "ids is no table: its dtype I64 is not F32, F16 or BF16");
    CHECK(refusal(file, "narrow") == prefix + "narrow is no table: dim 0 is not 1 to 65536");
    CHECK(refusal(file, "wide") == prefix + "wide is no table: dim 65537 is not 1 to 65536");
    CHECK(refusal(file, "fp8") == prefix + "fp8 is no table: its dtype F8_E4M3 is not F32, F16 or BF16");
    CHECK(refusal(file, "a\nb") == folder / "f" + ": no table a\\x0ab; it has no tables");
}

TEST_CASE("a name that is not there is answered with those that are") {
    const TemporaryFolder folder;
    std::vector<NewTable> tables;
    for (int i = 0; i < 7; ++i) tables.push_back(new_table(std::to_string(i), RowFormat::f32, 1, 1));
    REQUIRE(write_tables(folder / "f", tables) == "");
    CHECK(refusal(open_tables(folder / "f"), "7") == folder / "f" + ": no table 7; it has 0, 1, 2, 3, 4 and 2 more");
}

TEST_CASE("a table outlives its file object, and the file's name") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("items", RowFormat::int8, 5, 3)};
    REQUIRE(write_tables(folder / "f", tables) == "");
    std::optional<TableFile> file = open_tables(folder / "f");
    const Table table = *file->table("items");
    file.reset();
    std::filesystem::remove(folder / "f");
    CHECK(table.name() == "items");
    CHECK(table_bytes(table) == rows_of(tables, 0));
}

TEST_CASE("the map goes when the last table goes") {
    const TemporaryFolder folder;
    write_file(folder / "mapped-once", container(header_of({entry("t", "F32", "[1,1]", 0, 4)}), 4));
    const auto is_mapped = [] { return read_file("/proc/self/maps").find("mapped-once") != std::string::npos; };
    {
        const Table table = *open_tables(folder / "mapped-once").table("t");
        CHECK(is_mapped());
    }
    CHECK(!is_mapped());
}

TEST_CASE("row names point into the file") {
    const TemporaryFolder folder;
    auto named = new_table("named", RowFormat::f32, 4, 1);
    named.row_names = "apt\n\ncaf\xc3\xa9 \xff\n";
    auto single = new_table("single", RowFormat::f32, 1, 1);
    single.row_names = "alone";
    REQUIRE(write_tables(folder / "f", {named, single, new_table("without", RowFormat::f32, 3, 1)}) == "");
    const TableFile file = open_tables(folder / "f");
    CHECK(*file.row_names(0) == std::vector<std::string_view>{"apt", "", "caf\xc3\xa9 \xff", ""});
    CHECK(*file.row_names(1) == std::vector<std::string_view>{"alone"});
    CHECK(file.row_names(2)->empty());
    CHECK(*file.joined_row_names(0) == named.row_names);
    CHECK(*file.joined_row_names(1) == "alone");
    CHECK(file.joined_row_names(2)->empty());
}

TEST_CASE("every tensor of a file is listed, tables or not") {
    const TemporaryFolder folder;
    write_file(folder / "f",
               container(header_of({entry("t", "F32", "[1,2]", 0, 8), entry("codes", "U8", "[2,3]", 8, 14),
                                    entry("scalar", "I64", "[]", 14, 22)}),
                         22));
    const TableFile file = open_tables(folder / "f");
    const std::vector<TensorView> tensors = *file.tensors();
    REQUIRE(tensors.size() == 3);
    CHECK(tensors[1].name == "codes");
    CHECK(tensors[1].dtype == "U8");
    CHECK(std::ranges::equal(tensors[1].shape, std::vector<std::uint64_t>{2, 3}));
    CHECK(tensors[1].bytes.size() == 6);
    CHECK(tensors[1].bytes.data() == tensors[0].bytes.data() + 8);
    CHECK(tensors[2].shape.empty());
    CHECK(file.tables().size() == 1);
}

TEST_CASE("opening what is no table file") {
    const TemporaryFolder folder;
    CHECK(open_error(folder / "no").code == ErrorCode::io_error);
    CHECK(open_error(folder.path()).code == ErrorCode::unsupported);
    write_file(folder / "empty", "");
    CHECK(open_error(folder / "empty").code == ErrorCode::corrupt_file);
    write_file(folder / "text", "apt 0.1 0.2\ndpkg 0.3 0.4\n");
    CHECK(open_error(folder / "text").message ==
          folder / "text" +
              ": is no safetensors file: its header would have 2319686067310325857 bytes, over 100000000");
}

/// KiB that are in memory for this process.
long resident_kib() {
    std::istringstream status(read_file("/proc/self/statm"));
    long total = 0, resident = 0;
    status >> total >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST_CASE("a table of 8 GiB opens and is looked up in little memory") {
    constexpr std::uint64_t kRows = std::uint64_t{1} << 24;
    constexpr std::uint64_t kDim = 128;
    constexpr std::uint64_t kBytes = kRows * kDim * 4;
    const TemporaryFolder folder;
    const std::string header = header_of({entry("t", "F32", "[16777216,128]", 0, kBytes)});
    write_file(folder / "f", container(header, 0));
    struct stat status = {};
    if (truncate((folder / "f").c_str(), static_cast<off_t>(8 + header.size() + kBytes)) != 0 ||
        stat((folder / "f").c_str(), &status) != 0 || status.st_blocks > 2048) {
        MESSAGE("skipped: this file system has no sparse files of 8 GiB");
        return;
    }
    const long before = resident_kib();
    const Table table = *open_tables(folder / "f").table("t");
    CHECK(table.rows() == kRows);
    CHECK(resident_kib() - before < 2 * 1024);
    Random random(1);
    for (int lookup = 0; lookup < 100; ++lookup) {
        CHECK(table.data()[random.below(kRows) * table.row_stride()] == std::byte{0});
    }
    CHECK(table.data()[kBytes - 1] == std::byte{0});
    CHECK(resident_kib() - before < 20 * 1024);
}

}  // namespace
}  // namespace rowpool::test
