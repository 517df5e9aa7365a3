// The hot part of tables: how many rows it is, that it alone is held as the residency says, and the same lookups.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "core/local_rows.hpp"
#include "file/open_table_file.hpp"
#include "memory/copy_plan.hpp"
#include "memory/numa.hpp"
#include "memory/paging.hpp"
#include "rowpool/rowpool.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/smaps.hpp"
#include "tests/support/table_files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

constexpr Residency kResidencies[] = {Residency::mapped,     Residency::populated,   Residency::locked,
                                      Residency::huge_pages, Residency::interleaved, Residency::replicated};
constexpr std::size_t kRowBytes = 1024;
constexpr std::size_t kRows = 16 * 1024;
constexpr std::size_t kHot = 5000;

/// A table of 16 MiB and a small one behind it without hot rows, in the file "partly".
struct Partly {
    const TemporaryFolder folder;
    std::vector<NewTable> tables = {new_table("t", RowFormat::f32, kRows, 256), new_table("u", RowFormat::int8, 9, 24)};

    explicit Partly(std::optional<std::size_t> hot_rows = kHot) {
        tables[0].hot_rows = hot_rows;
        tables[1].hot_rows = 0;
        REQUIRE(write_tables(path(), tables) == "");
    }
    std::string path() const { return folder / "partly"; }
    Table open(Residency residency, const HotPart& hot) const {
        const auto file = TableFile::open(path(), {.residency = residency, .hot = hot});
        REQUIRE_MESSAGE(bool(file), (file ? std::string() : file.error().message));
        return file->tables()[0];
    }
};

// The children come first: they may not be forked once oneTBB has threads.

std::string in_child(const std::function<std::string()>& work) {
    return in_child_with_isa(std::string(*active_isa()), work);
}

/// How opening goes in a process with a limit on something; what fails must leave nothing mapped.
std::string open_with_limit(const std::string& path, const OpenOptions& options, int what, rlim_t bytes) {
    const rlimit limit = {bytes, bytes};
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    // Root may lock as much as there is.
    if (syscall(SYS_capset, &header, none) != 0 || setrlimit(what, &limit) != 0) return "no such limit";
    const auto file = TableFile::open(path, options);
    const bool is_mapped = read_file("/proc/self/maps").find("partly") != std::string::npos;
    if (is_mapped != bool(file)) return "a mapping without a file, or the other way round";
    return file ? "opened" : std::string(to_string(file.error().code)) + " " + file.error().message;
}

TEST_CASE("only the hot part counts against the limit on locked memory") {
    const Partly partly(40);
    const OpenOptions recorded = {.residency = Residency::locked, .hot = HotPart{}};
    const OpenOptions four = {.residency = Residency::locked, .hot = HotPart{.most_rows = 4}};
    CHECK(in_child([&] { return open_with_limit(partly.path(), recorded, RLIMIT_MEMLOCK, 64 << 10); }) == "opened");
    CHECK(in_child([&] { return open_with_limit(partly.path(), four, RLIMIT_MEMLOCK, 20 << 10); }) == "opened");
    const OpenOptions none = {.residency = Residency::locked, .hot = HotPart{.most_rows = 0}};
    CHECK(in_child([&] { return open_with_limit(partly.path(), none, RLIMIT_MEMLOCK, 0); }) == "opened");
    CHECK(in_child([&] { return open_with_limit(partly.path(), recorded, RLIMIT_MEMLOCK, 20 << 10); }) ==
          "io_error cannot lock " + partly.path() +
              ": Cannot allocate memory; the rows to lock take 40 KiB, this process may lock 20 KiB (raise it with "
              "ulimit -l or LimitMEMLOCK= of systemd)");
}

/// Bytes of private memory that may be written, as RLIMIT_DATA counts them.
rlim_t data_bytes() {
    const std::string status = read_file("/proc/self/status");
    return std::stoull(status.substr(status.find("VmData:") + 7)) << 10;
}

TEST_CASE("only the hot part takes memory, and what is refused is out_of_memory and leaves nothing mapped") {
    const TemporaryFolder folder;
    const std::string path = folder / "partly";
    // 1 GiB of zeros that take no space, in a file without records.
    write_file(path, container(header_of({entry("t", "F32", "[262144,1024]", 0, 1 << 30)}), 0));
    std::filesystem::resize_file(path, std::filesystem::file_size(path) + (1 << 30));
    const auto open = [&](const HotPart& hot) {
        return in_child([&] {
            const OpenOptions options = {.residency = Residency::huge_pages, .hot = hot};
            return open_with_limit(path, options, RLIMIT_DATA, data_bytes() + (512 << 20));
        });
    };
    CHECK(open({.most_bytes = 1 << 20}) == "opened");
    CHECK(open({}) ==
          "out_of_memory cannot copy " + path + " into memory: there is no memory for a copy of 1075838976 bytes");
}

TEST_CASE("the number of hot rows is written, read, and kept apart from none") {
    const TemporaryFolder folder;
    std::vector<NewTable> tables = {new_table("some", RowFormat::int8, 7, 4), new_table("none", RowFormat::f32, 7, 4),
                                    new_table("all", RowFormat::f16, 7, 4), new_table("unknown", RowFormat::f32, 7, 4)};
    tables[0].hot_rows = 3;
    tables[1].hot_rows = 0;
    tables[2].hot_rows = 7;
    REQUIRE(write_tables(folder / "f", tables) == "");
    const TableFile file = open_tables(folder / "f");
    for (std::size_t i = 0; i < tables.size(); ++i) CHECK(file.hot_rows(i) == tables[i].hot_rows);
    CHECK(read_file(folder / "f").find(R"(\"version\":1)") != std::string::npos);  // others may ignore it
    tables[2].hot_rows = 8;
    CHECK(write_tables(folder / "f", tables) ==
          "cannot write " + folder / "f" + ": table all: 8 hot rows are more than its 7 rows");
}

TEST_CASE("every residency of every hot part has the same rows and lookups") {
    const Partly partly;
    const std::vector<std::int32_t> remap = {8, -1, 0, 8};
    std::vector<NewTable> tables = partly.tables;
    tables.insert(tables.begin(), new_table("none", RowFormat::f32, 0, 8));
    tables[2].remap = remap;
    tables[2].hot_rows = 2;
    tables.push_back(new_table("end", RowFormat::f16, 1500, 1000));
    REQUIRE(write_tables(partly.path(), tables) == "");
    const std::vector<std::int64_t> ids = {0, kHot - 1, kHot, kRows - 1, 5};
    // As bytes, because random numbers may be NaN.
    const auto pool = [&](const Table& table) {
        const std::vector<float> rows = pooled(table, Bags::rows(ids), {.mode = Pooling::none});
        const auto bytes = std::as_bytes(std::span(rows));
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    const std::vector<std::byte> expected = pool(open_tables(partly.path()).tables()[1]);
    const HotPart parts[] = {{}, {.most_rows = 0}, {.most_rows = 1}, {.most_bytes = 3 << 20}, {.most_rows = 10000}};
    for (const Residency residency : kResidencies) {
        for (const HotPart& hot : parts) {
            if (residency == Residency::locked && hot.most_rows != 1) continue;  // more than just anyone may lock
            CAPTURE(to_string(residency));
            CAPTURE(hot.most_rows);
            const auto file = TableFile::open(partly.path(), {.residency = residency, .hot = hot});
            REQUIRE(file);
            for (std::size_t i = 0; i < tables.size(); ++i) {
                CHECK((table_bytes(file->tables()[i]) == rows_of(tables, i)));
                CHECK(std::ranges::equal(core::local_remap(file->tables()[i]), tables[i].remap));
            }
            CHECK((pool(file->tables()[1]) == expected));
            CHECK(file->verify());
        }
    }
}

bool is_anonymous(const std::byte* address) {
    const std::string entry = smaps_entry(address);
    REQUIRE(!entry.empty());
    return entry.find("partly") == std::string::npos;
}

const std::byte* end_of_mapping(const std::byte* address) {
    const std::string entry = smaps_entry(address);
    const std::uintptr_t end = std::stoull(entry.substr(entry.find('-') + 1), nullptr, 16);
    return address + (end - reinterpret_cast<std::uintptr_t>(address));
}

/// How many bytes of a table are copied; what follows must be mapped.
std::size_t copied_bytes(const Table& table) {
    const std::byte* const end = table.data() + kRows * kRowBytes;
    const std::byte* copied = table.data();
    if (is_anonymous(copied)) copied = std::min(end_of_mapping(copied), end);
    if (copied != end) {
        CHECK(!is_anonymous(copied));
        CHECK(end_of_mapping(copied) >= end);
    }
    return static_cast<std::size_t>(copied - table.data());
}

TEST_CASE("huge pages hold the hot part, whole ones of the file, and the file is mapped behind them") {
    const Partly partly;
    for (const Residency residency : {Residency::huge_pages, Residency::interleaved, Residency::replicated}) {
        const Table table = partly.open(residency, {});
        const std::size_t copied = copied_bytes(table);
        CHECK(copied >= kHot * kRowBytes);
        CHECK(copied < kHot * kRowBytes + (2 << 20));
        CHECK((reinterpret_cast<std::uintptr_t>(table.data()) + copied) % (2 << 20) == 0);
        CHECK(smaps_kib(table.data(), "Anonymous") == 6 << 10);
        CHECK(has_vm_flag(table.data(), "hg") == std::filesystem::exists("/sys/kernel/mm/transparent_hugepage"));
        CHECK(!has_vm_flag(table.data() + copied, "hg"));
        for (const std::byte* at : {table.data(), table.data() + copied}) {
            CHECK(smaps_entry(at).find(" r--") != std::string::npos);
        }
    }
}

TEST_CASE("locked are the pages of the hot part") {
    const Partly partly(40);
    const Table table = partly.open(Residency::locked, {.most_bytes = 30 * kRowBytes + 1000});
    CHECK(has_vm_flag(table.data(), "lo"));
    CHECK(has_vm_flag(table.data() + 30 * kRowBytes - 1, "lo"));
    CHECK(!has_vm_flag(table.data() + 30 * kRowBytes + 4096, "lo"));
    CHECK(!has_vm_flag(table.data() + (kRows - 1) * kRowBytes, "lo"));
}

TEST_CASE("the hot part is the smallest of budget, record and table") {
    const auto pages = [](const Partly& partly, const HotPart& hot) {
        const std::size_t copied = copied_bytes(partly.open(Residency::huge_pages, hot));
        return (copied + (2 << 20) - 1) / (2 << 20);
    };
    const Partly recorded, unknown(std::nullopt), cold(0);
    CHECK(pages(recorded, {}) == 3);
    CHECK(pages(recorded, {.most_rows = 3000}) == 2);
    CHECK(pages(recorded, {.most_bytes = 3000 * kRowBytes}) == 2);
    CHECK(pages(recorded, {.most_rows = 3000, .most_bytes = 1000 * kRowBytes}) == 1);
    CHECK(pages(recorded, {.most_rows = kRows + 1}) == 3);
    CHECK(pages(unknown, {.most_rows = 3000}) == 2);
    CHECK(pages(unknown, {}) == 8);
    CHECK(pages(cold, {}) == 0);
    CHECK(pages(recorded, {.most_rows = 0}) == 0);
    CHECK(pages(recorded, {.most_bytes = kRowBytes - 1}) == 0);
}

TEST_CASE("a file is mapped for as long as a table with a hot part needs it, and no longer") {
    const Partly partly;
    const auto is_mapped = [] { return read_file("/proc/self/maps").find("partly") != std::string::npos; };
    for (const Residency residency : {Residency::huge_pages, Residency::replicated}) {
        auto table = std::make_unique<Table>(partly.open(residency, {}));
        const std::byte* first = table->data();
        const std::byte* last = first + kRows * kRowBytes - 1;
        std::filesystem::remove(partly.path());
        CHECK(is_mapped());
        CHECK((table_bytes(*table) == rows_of(partly.tables, 0)));
        table.reset();
        CHECK(!is_mapped());
        CHECK(smaps_entry(first).empty());
        CHECK(smaps_entry(last).empty());
        REQUIRE(write_tables(partly.path(), partly.tables) == "");
    }
}

TEST_CASE("a hot part for every node, and the file behind each") {
    static unsigned node = 0;
    const memory::Numa two_nodes = {
        .nodes =
            [] {
                return std::vector<unsigned>{0, 3};
            },
        .place = [](std::span<std::byte>, memory::Placement, std::span<const unsigned>) noexcept { return 0; },
        .current_node = []() noexcept { return node; }};
    const Partly partly;
    const auto file = open_table_file(partly.path(), {.residency = Residency::replicated, .hot = HotPart{}}, two_nodes,
                                      memory::system_paging());
    REQUIRE(file);
    const Table& table = file->tables()[0];
    for (const unsigned here : {0u, 3u}) {
        node = here;
        CHECK((core::local_data(table) == table.data()) == (here == 0));
        CHECK(is_anonymous(core::local_data(table)));
        CHECK(!is_anonymous(core::local_data(table) + (kRows - 3000) * kRowBytes));
        CHECK(std::ranges::equal(rows_of(partly.tables, 0), std::span(core::local_data(table), kRows * kRowBytes)));
    }
}

TEST_CASE("the kernel takes the placement of a hot part and of the file behind it") {
    memory::Numa numa = memory::this_machine();
    numa.nodes = [] { return std::vector<unsigned>{0, 1}; };  // a node that is not there is left out
    const Partly partly;
    const auto file = open_table_file(partly.path(), {.residency = Residency::interleaved, .hot = HotPart{}}, numa,
                                      memory::system_paging());
    if (!file) {
        CHECK(file.error().message.find("placing a copy on all NUMA nodes: ") != std::string::npos);
        MESSAGE("skipped: this system does not let us place memory");
        return;
    }
    CHECK((table_bytes(file->tables()[0]) == rows_of(partly.tables, 0)));
}

TEST_CASE("an image has the huge pages that tables touch once each, and the file between them") {
    constexpr std::size_t kMib = 1 << 20;
    const std::vector<std::byte> file(13 * kMib);
    const auto part = [&](std::size_t begin, std::size_t size) { return std::span(file).subspan(begin, size); };
    // The second touches the page of the first, the third the one beside it; one is empty, one ends with the file.
    const std::span<const std::byte> tables[] = {part(12 * kMib, kMib), part(3 * kMib, 10), part(3 * kMib + 10, kMib),
                                                 part(8 * kMib, 0)};
    const memory::CopyPlan plan = memory::plan_image(file, tables);
    CHECK(plan.bytes == 14 * kMib);
    CHECK((plan.tables == std::vector<std::size_t>{12 * kMib, 3 * kMib, 3 * kMib + 10, 8 * kMib}));
    REQUIRE(plan.own.size() == 2);
    CHECK(plan.own[0].begin == 2 * kMib);
    CHECK(plan.own[0].size == 4 * kMib);
    CHECK(plan.own[1].begin == 12 * kMib);
    CHECK(plan.own[1].size == 2 * kMib);
    const auto extents = [&](const std::vector<memory::Piece>& pieces) {
        std::vector<std::size_t> result;
        for (const memory::Piece& piece : pieces) {
            CHECK(piece.from.data() == file.data() + piece.to);
            result.insert(result.end(), {piece.to / kMib, piece.from.size() / kMib});
        }
        return result;
    };
    CHECK(extents(plan.copied) == std::vector<std::size_t>{2, 4, 12, 1});
    CHECK(extents(plan.mapped) == std::vector<std::size_t>{0, 2, 6, 6});
}

}  // namespace
}  // namespace rowpool::test
