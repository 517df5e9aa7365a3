// Damaged and hostile table files: every changed byte is found, every lie in the metadata is refused by name.
#include <doctest/doctest.h>

#include <oneapi/tbb/parallel_for.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "file/checksum.hpp"
#include "file/safetensors.hpp"
#include "tests/support/table_files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Json = nlohmann::json;

constexpr std::int32_t kRemap[] = {-1, -1, -1};

/// A file with everything that a file can have: float and coded rows, names, a remap, filler, an empty table.
std::vector<NewTable> sample() {
    std::vector<NewTable> tables = {new_table("a", RowFormat::f16, 3, 3), new_table("b", RowFormat::int4, 7, 5),
                                    new_table("c", RowFormat::int8, 0, 4)};
    tables[1].row_names = "1\n2\n3\n4\n5\n6\n7";
    tables[1].shape.padding_index = 2;
    tables[2].remap = kRemap;
    return tables;
}

std::string sample_file() {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", sample()) == "");
    return read_file(folder / "f");
}

/// How opening and verifying a file of these bytes fails, without its path; "none" when it does not.
std::string fault(const std::string& contents) {
    const TemporaryFolder folder;
    write_file(folder / "f", contents);
    const auto file = TableFile::open(folder / "f");
    const Status status = file ? file->verify() : Status(file.error());
    if (status) return "none";
    CHECK((status.error().code == ErrorCode::corrupt_file || status.error().code == ErrorCode::unsupported));
    const std::string prefix = folder / "f" + ": ";
    REQUIRE(status.error().message.starts_with(prefix));
    return status.error().message.substr(prefix.size());
}

TEST_CASE("damage is found from a task that has been cancelled, too") {
    const TemporaryFolder folder;
    std::string damaged = sample_file();
    damaged[4096] = static_cast<char>(damaged[4096] ^ 1);
    write_file(folder / "f", damaged);
    const auto file = TableFile::open(folder / "f");
    REQUIRE(file);
    tbb::task_group_context cancelled;
    Status status;
    const auto verify = [&](int) {
        cancelled.cancel_group_execution();
        status = file->verify();
    };
    tbb::parallel_for(0, 1, verify, cancelled);
    CHECK(status.error().code == ErrorCode::corrupt_file);
}

TEST_CASE("every prefix is refused at open") {
    const std::string whole = sample_file();
    const TemporaryFolder folder;
    REQUIRE(fault(whole) == "none");
    write_file(folder / "f", whole);
    for (std::size_t size = whole.size(); size-- > 0;) {
        CAPTURE(size);
        std::filesystem::resize_file(folder / "f", size);
        CHECK(open_error(folder / "f").code == ErrorCode::corrupt_file);
    }
}

TEST_CASE("every changed byte is found: in the header at open, in the data by verify") {
    const std::string whole = sample_file();
    const TemporaryFolder folder;
    write_file(folder / "f", whole);
    std::fstream damaged(folder / "f", std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](std::size_t at, char byte) {
        damaged.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
    };
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const int flip : {0x01, 0x20, 0x80, 0xff}) {
            CAPTURE(at);
            CAPTURE(flip);
            put(at, static_cast<char>(whole[at] ^ flip));
            const auto file = TableFile::open(folder / "f");
            CHECK(bool(file) == (at >= 4096));
            if (file) CHECK(file->verify().error().code == ErrorCode::corrupt_file);
        }
        put(at, whole[at]);
    }
    CHECK(open_tables(folder / "f").verify());
}

TEST_CASE("the first damage is named, whatever else is damaged") {
    const std::string whole = sample_file();
    const auto damage = [&](std::initializer_list<std::size_t> places) {
        std::string damaged = whole;
        for (const std::size_t at : places) damaged[at] = static_cast<char>(damaged[at] ^ 1);
        return fault(damaged);
    };
    const std::string wrong = " are damaged (wrong checksum)";
    CHECK(damage({4096 + 17, 4096 + 64}) == "tensor a: the 18 bytes from byte 4096 on" + wrong);
    CHECK(damage({4096 + 64 + 48, 4096 + 250}) == "tensor b: the 49 bytes from byte 4160 on" + wrong);
    CHECK(damage({4096 + 18}) ==
          "tensor __pad.0: the 46 bytes from byte 4114 on are damaged (filler that is not zero)");
    CHECK(damage({4096 + 128}) == "tensor __xxh3.a: the 8 bytes from byte 4224 on" + wrong);
    CHECK(damage({4096 + 320 + 11}) == "tensor __remap.c: the 12 bytes from byte 4416 on" + wrong);
    CHECK(damage({4096 + 256}) == "tensor __names.b: the 13 bytes from byte 4352 on" + wrong);
    CHECK(damage({4096, 4096 + 192}) == "tensor __xxh3.b: the 8 bytes from byte 4288 on" + wrong);
}

TEST_CASE("progress adds up to all that has a checksum") {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, 5 << 10, 256)}) == "");  // 5 MiB
    std::atomic<std::uint64_t> bytes = 0;
    CHECK(open_tables(folder / "f").verify([&](std::uint64_t more) { bytes += more; }));
    CHECK(bytes.load() == (5 << 20) + 5 * sizeof(std::uint64_t));  // the rows, a checksum a MiB
}

TEST_CASE("damage is found by block, the lowest first, every time") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("t", RowFormat::f32, 10 << 10, 256)};  // 10 MiB
    REQUIRE(write_tables(folder / "f", tables) == "");
    std::fstream damaged(folder / "f", std::ios::binary | std::ios::in | std::ios::out);
    for (const int block : {9, 3, 7}) {
        damaged.seekp(4096 + (block << 20) + 12345).put('x').put('y').flush();
    }
    const TableFile file = open_tables(folder / "f");
    for (int round = 0; round < 20; ++round) {
        CHECK(file.verify().error().message == folder / "f" + ": tensor t: the 1048576 bytes from byte " +
                                                   std::to_string(4096 + (3 << 20)) +
                                                   " on are damaged (wrong checksum)");
    }
}

TEST_CASE("many threads use one file at once") {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", sample()) == "");
    const TableFile file = open_tables(folder / "f");
    std::vector<int> good(4);
    std::vector<std::thread> threads;
    for (int& count : good) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) count += file.verify() && file.table("b") && file.row_names(1)->size() == 7;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(good == std::vector<int>{50, 50, 50, 50});
}

const std::string kHandIds("\1\0\0\0\xfe\xff\xff\xff", 8);  // row 1 and, which no remap may say, -2

/// A file by hand: one int8 table `t` of 2 rows with dim 4 and room for a gap of 4 bytes a row, and its names `a`, `b`;
/// and int32 tensors that could be its remap. `edit` changes the metadata before it is written.
std::string by_hand(const std::function<void(Json&)>& edit) {
    const std::string rows(32, 'r');
    const std::uint64_t checksum = file::xxh3(bytes_of(rows));
    const std::string checksums(reinterpret_cast<const char*>(&checksum), 8);
    const std::string names = "a\nb";
    Json metadata = {{"version", 1}, {"checksum_block", 1048576}};
    metadata["tables"]["t"] = {{"format", "int8"},
                               {"dim", 4},
                               {"row_stride", 16},
                               {"source", "s"},
                               {"quantization", "q"},
                               {"checksums", "__xxh3.t"},
                               {"checksums_xxh3", file::to_hex(file::xxh3(bytes_of(checksums)))},
                               {"names", "__names.t"},
                               {"names_xxh3", file::to_hex(file::xxh3(bytes_of(names)))}};
    edit(metadata);
    const std::vector<file::Tensor> tensors = {{"t", "U8", {2, 16}, 0, 32},      {"__xxh3.t", "U64", {1}, 32, 40},
                                               {"__names.t", "U8", {3}, 40, 43}, {"other", "F32", {1, 1}, 43, 47},
                                               {"odd", "I32", {1}, 47, 51},      {"no ids", "I32", {0}, 51, 51},
                                               {"pad", "U8", {1}, 51, 52},       {"matrix", "I32", {1, 1}, 52, 56},
                                               {"unsigned", "U32", {2}, 56, 64}, {"ids", "I32", {2}, 64, 72}};
    std::string header = file::safetensors_header(
        tensors, {{"rowpool", metadata.is_string() ? metadata.get<std::string>() : metadata.dump()},
                  {"rowpool.xxh3", "0000000000000000"}});
    header.append((8 - header.size() % 8) % 8, ' ');  // a remap must lie at a multiple of 4 bytes
    return container(sealed(header), 0) + rows + checksums + names + "oooo" + std::string(17, '\0') + kHandIds;
}

/// The fault of by_hand() with one member of table t set to another value.
std::string with(const char* key, const Json& value) {
    return fault(by_hand([&](Json& metadata) { metadata["tables"]["t"][key] = value; }));
}

TEST_CASE("a file by hand, with gaps between its rows and a table that the metadata does not mention") {
    const TemporaryFolder folder;
    write_file(folder / "f", by_hand([](Json& metadata) {
                   metadata["tables"]["t"]["padding_index"] = 1;
                   metadata["tables"]["t"]["key of a later version"] = {1, 2};
               }));
    const TableFile file = open_tables(folder / "f");
    CHECK(file.verify());
    REQUIRE(file.tables().size() == 2);
    CHECK(file.tables()[0].row_stride() == 16);
    CHECK(file.tables()[0].rows() == 2);
    CHECK(file.tables()[0].padding_index() == 1);
    CHECK(file.tables()[1].name() == "other");
    CHECK(*file.row_names(0) == std::vector<std::string_view>{"a", "b"});
    CHECK(file.row_names(1)->empty());
    CHECK(file.table("__names.t").error().message ==
          folder / "f" + ": tensor __names.t is no table: its dtype U8 is not F32, F16 or BF16");
}

TEST_CASE("metadata members that are missing or of the wrong kind") {
    for (const char* key : {"format", "dim", "row_stride", "source", "quantization", "checksums"}) {
        CHECK(fault(by_hand([&](Json& metadata) { metadata["tables"]["t"].erase(key); })) ==
              "metadata rowpool table t: " + std::string(key) + " is missing");
    }
    CHECK(fault(by_hand([](Json& metadata) { metadata["tables"]["t"].erase("names_xxh3"); })) ==
          "metadata rowpool table t: names_xxh3 is missing");
    CHECK(with("format", "int5") == "metadata rowpool table t: format int5 is no row format");
    CHECK(with("format", 8) == "metadata rowpool table t: format is not a string");
    for (const Json& dim : {Json(-1), Json(4.0), Json("4"), Json(~std::uint64_t{0}), Json()}) {
        CHECK(with("dim", dim) == "metadata rowpool table t: dim is not a size");
    }
    CHECK(with("padding_index", -1) == "metadata rowpool table t: padding_index is not a size");
    for (const Json& hot_rows : {Json(-1), Json(1.0), Json("1"), Json(~std::uint64_t{0}), Json(), Json::array()}) {
        CHECK(with("hot_rows", hot_rows) == "metadata rowpool table t: hot_rows is not a size");
    }
    CHECK(with("checksums_xxh3", "123") ==
          "metadata rowpool table t: checksums has no checksum of 16 hexadecimal digits");
    CHECK(with("names_xxh3", "0123456789ABCDEF") ==
          "metadata rowpool table t: names has no checksum of 16 hexadecimal digits");
    CHECK(with("error", Json::array()) == "metadata rowpool table t: error is not an object");
    CHECK(with("error", {{"max_abs", 1}}) == "metadata rowpool table t: error relative_l2 is missing");
    CHECK(with("error", {{"max_abs", -1}, {"relative_l2", 0}}) ==
          "metadata rowpool table t: error max_abs is not a number from 0 on");
}

TEST_CASE("metadata that contradicts the tensors") {
    CHECK(with("dim", 0) == "tensor t: dim 0 is not 1 to 65536");
    CHECK(with("dim", 65537) == "tensor t: dim 65537 is not 1 to 65536");
    CHECK(with("dim", 9) == "tensor t: row stride 16 is below the 17 bytes of a row");
    CHECK(with("row_stride", 12) == "tensor t: is not U8 with 12 columns, as its metadata has it");
    CHECK(with("row_stride", INT64_MAX) ==
          "tensor t: is not U8 with 9223372036854775807 columns, as its metadata has it");
    CHECK(with("format", "f32") == "tensor t: is not F32 with 4 columns, as its metadata has it");
    CHECK(with("padding_index", 2) == "tensor t: padding index 2 is outside its 2 ids");
    CHECK(with("hot_rows", 2) == "none");
    CHECK(with("hot_rows", 3) == "tensor t: 3 hot rows are more than its 2 rows");
    CHECK(with("hot_rows", INT64_MAX) == "tensor t: 9223372036854775807 hot rows are more than its 2 rows");
    CHECK(with("checksums", "no") == "tensor t: its checksums no are not a U64 tensor of 1");
    CHECK(with("checksums", "__names.t") == "tensor t: its checksums __names.t are not a U64 tensor of 1");
    CHECK(with("names", "no") == "tensor t: its names no are not a U8 tensor");
    CHECK(with("names", "__xxh3.t") == "tensor t: its names __xxh3.t are not a U8 tensor");
    CHECK(with("names", "t") == "tensor t: its names t are not a U8 tensor");
    CHECK(fault(by_hand([](Json& metadata) { metadata["tables"]["no\n"] = metadata["tables"]["t"]; })) ==
          "tensor no\\x0a: is in the metadata, but not in the file");
    CHECK(fault(by_hand([](Json& metadata) { metadata["tables"]["__names.t"] = metadata["tables"]["t"]; })) ==
          "tensor __names.t: is not two-dimensional");
}

/// The fault of by_hand() with that tensor as the remap, in a file of version 2; `edit` changes table t further.
std::string with_remap(
    const char* tensor, const std::function<void(Json&)>& edit = [](Json&) {}) {
    return fault(by_hand([&](Json& metadata) {
        metadata["version"] = 2;
        Json& table = metadata["tables"]["t"];
        table.update({{"remap", tensor}, {"remap_xxh3", file::to_hex(file::xxh3(bytes_of(kHandIds)))}});
        edit(table);
    }));
}

TEST_CASE("remaps that contradict their table or its tensors") {
    const std::string no_remap = " is not an I32 tensor of one dimension and at least one id, at a multiple of 4 bytes";
    for (const char* tensor : {"no", "no ids", "odd", "matrix", "unsigned", "__names.t", "t"}) {
        CHECK(with_remap(tensor) == "tensor t: its remap " + std::string(tensor) + no_remap);
    }
    CHECK(with_remap("ids", [](Json& table) { table["padding_index"] = 2; }) ==
          "tensor t: padding index 2 is outside its 2 ids");
    CHECK(with_remap("ids", [](Json& table) { table.erase("remap_xxh3"); }) ==
          "metadata rowpool table t: remap_xxh3 is missing");
    CHECK(with_remap("ids", [](Json& table) {
              table["remap_xxh3"] = file::to_hex(0);
          }).starts_with("tensor ids: the 8 bytes from byte "));
    CHECK(with("remap", "ids") == "metadata rowpool table t: remap_xxh3 is missing");
    CHECK(fault(by_hand([](Json& metadata) {
              metadata["tables"]["t"].update({{"remap", "ids"}, {"remap_xxh3", file::to_hex(0)}});
          })) == "metadata rowpool table t: has a remap, which version 1 does not have");
}

TEST_CASE("a remap that two tables share is in a copy of the file once") {
    const TemporaryFolder folder;
    write_file(folder / "f", by_hand([](Json& metadata) {
                   metadata["version"] = 2;
                   Json& tables = metadata["tables"];
                   tables["t"].update({{"remap", "ids"}, {"remap_xxh3", file::to_hex(0)}});
                   tables["other"] = tables["t"];
                   tables["other"].update({{"format", "f32"}, {"dim", 1}, {"row_stride", 4}});
               }));
    for (const Residency residency : {Residency::mapped, Residency::huge_pages}) {
        const auto file = TableFile::open(folder / "f", {.residency = residency});
        REQUIRE(file);
        const Table& t = file->tables()[0];
        const Table& other = file->tables()[1];
        CHECK(t.remap().data() == other.remap().data());
        CHECK(std::ranges::equal(t.remap(), std::vector<std::int32_t>{1, -2}));
        CHECK(t.row_of(0) == 1);
        CHECK(other.row_of(0) == -1);
    }
}

/// A file of two tables with names, with `edit` of its header.
std::string two_with_names(const std::function<void(std::string&)>& edit) {
    const TemporaryFolder folder;
    std::vector<NewTable> tables = {new_table("t", RowFormat::f32, 2, 1), new_table("u", RowFormat::f32, 2, 1)};
    for (NewTable& table : tables) table.row_names = "a\nb";
    REQUIRE(write_tables(folder / "f", tables) == "");
    const std::string file = read_file(folder / "f");
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    std::string header = file.substr(sizeof length, length);
    edit(header);
    return file.substr(0, sizeof length) + sealed(header) + file.substr(sizeof length + length);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
    REQUIRE(text.find(from) != text.npos);
    text.replace(text.find(from), from.size(), to);
}

TEST_CASE("what tables share is verified once, but by the checksum of each") {
    const auto verified_bytes = [](const std::string& contents) {
        const TemporaryFolder folder;
        write_file(folder / "f", contents);
        std::atomic<std::uint64_t> bytes = 0;
        CHECK(open_tables(folder / "f").verify([&](std::uint64_t more) { bytes += more; }));
        return bytes.load();
    };
    const auto share = [](std::string& header) { replace(header, R"(\"__names.u\")", R"(\"__names.t\")"); };
    CHECK(verified_bytes(two_with_names(share)) + 3 == verified_bytes(two_with_names([](std::string&) {})));
    const std::string checksum = file::to_hex(file::xxh3(bytes_of(std::string("a\nb"))));
    CHECK(fault(two_with_names([&](std::string& header) {
              share(header);
              replace(header, checksum, std::string(16, '0'));
          })).starts_with("tensor __names.t: the 3 bytes from byte "));
}

TEST_CASE("a remap to what is no row is found by verify, and prunes the id until then") {
    CHECK(with_remap("ids") == "tensor ids: id 1 is row -2, which is not in [-1, 2)");
    const TemporaryFolder folder;
    write_file(folder / "f", by_hand([](Json& metadata) {
                   metadata["version"] = 2;
                   metadata["tables"]["t"].update({{"remap", "ids"}, {"remap_xxh3", file::to_hex(0)}});
               }));
    const Table table = open_tables(folder / "f").tables()[0];
    CHECK(table.num_ids() == 2);
    CHECK(table.row_of(0) == 1);
    const std::vector<std::int32_t> ids = {0, 1};
    const std::vector<float> rows = pooled(table, Bags::rows(ids), {.mode = Pooling::none});
    CHECK(std::vector<float>(rows.begin() + 4, rows.end()) == std::vector<float>(4));
    CHECK(rows[0] != 0);
}

TEST_CASE("metadata that is not rowpool's") {
    const auto replaced = [](const Json& json) { return fault(by_hand([&](Json& metadata) { metadata = json; })); };
    CHECK(replaced("{") == "metadata rowpool is not JSON at its byte 1");
    CHECK(replaced("") == "metadata rowpool is not JSON at its byte 0");
    CHECK(replaced("[]") == "metadata rowpool is not an object");
    CHECK(replaced("{}") == "metadata rowpool version is missing");
    CHECK(replaced(R"({"version":0})") == "metadata rowpool has version 0");
    CHECK(replaced(R"({"version":"1"})") == "metadata rowpool version is not a size");
    CHECK(replaced(R"({"version":3})") == "metadata rowpool has version 3, this rowpool reads up to 2");
    CHECK(replaced(R"({"version":1,"version":1})") == "metadata rowpool has the key version twice");
    CHECK(replaced(R"({"version":1,"checksum_block":4096})") == "metadata rowpool tables are missing");
    CHECK(replaced(R"({"version":1,"checksum_block":4096,"tables":[]})") == "metadata rowpool tables are missing");
    CHECK(replaced(R"({"version":1,"checksum_block":4095,"tables":{}})") ==
          "metadata rowpool checksum_block is too small");
    CHECK(replaced(R"({"version":1,"checksum_block":4096,"tables":{"t":3}})") ==
          "metadata rowpool table t: is not an object");
    CHECK(replaced(R"({"version":1,"x":)" + std::string(1'000'000, '[')) == "metadata rowpool is nested too deeply");
    CHECK(replaced(R"({"version":1,"checksum_block":4096,"tables":{}})") == "none");
}

TEST_CASE("a newer version is unsupported, not corrupt") {
    const TemporaryFolder folder;
    write_file(folder / "f", by_hand([](Json& metadata) { metadata["version"] = 3; }));
    CHECK(open_error(folder / "f").code == ErrorCode::unsupported);
}

TEST_CASE("the header's checksum") {
    const auto with_metadata = [](const std::map<std::string, std::string>& metadata) {
        return fault(container(file::safetensors_header({}, metadata), 0));
    };
    const std::string tables = R"({"version":1,"checksum_block":4096,"tables":{}})";
    CHECK(with_metadata({{"rowpool", tables}}) == "metadata rowpool.xxh3 is missing");
    CHECK(with_metadata({{"rowpool.xxh3", "0000000000000000"}}) ==
          "metadata rowpool is missing, but rowpool.xxh3 is there");
    CHECK(with_metadata({{"rowpool", tables}, {"rowpool.xxh3", "0000000000000000"}}) ==
          "metadata rowpool.xxh3 does not fit the header: the header was changed");
    for (const char* digits : {"", "000000000000000", "00000000000000000", "000000000000000A", "000000000000000\""}) {
        CHECK(with_metadata({{"rowpool", tables}, {"rowpool.xxh3", digits}}) ==
              "metadata rowpool.xxh3 is not 16 hexadecimal digits");
    }
    CHECK(fault(container(R"({"__metadata__":{"rowpool":"{\"version\":1}","rowpool.xxh3" :"0000000000000000"}})", 0)) ==
          "metadata rowpool.xxh3 is not written once in the header");
}

TEST_CASE("row names that are not as many as rows") {
    const TemporaryFolder folder;
    write_file(folder / "f", by_hand([](Json& metadata) {
                   metadata["tables"]["t"]["names"] = "short";
                   metadata["tables"]["t"]["names_xxh3"] = file::to_hex(0);
               }));
    CHECK(open_error(folder / "f").message == folder / "f" + ": tensor t: its names short are not a U8 tensor");
    std::string file = by_hand([](Json&) {});
    file[file.find("a\nb")] = '\n';
    write_file(folder / "f", file);
    CHECK(!open_tables(folder / "f").joined_row_names(0));
    const auto names = open_tables(folder / "f").row_names(0);
    REQUIRE(!names);
    CHECK(names.error().code == ErrorCode::corrupt_file);
    CHECK(names.error().message == folder / "f" + ": tensor __names.t: does not hold 2 names");
}

}  // namespace
}  // namespace rowpool::test
