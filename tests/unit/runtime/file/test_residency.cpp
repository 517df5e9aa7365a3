// Open options for how rows are held: the same lookups with each, and the pages as they were asked for.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "core/local_rows.hpp"
#include "rowpool/rowpool.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/smaps.hpp"
#include "tests/support/table_files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

constexpr Residency kResidencies[] = {Residency::mapped,     Residency::populated,   Residency::locked,
                                      Residency::huge_pages, Residency::interleaved, Residency::replicated};

bool is_copied(Residency residency) { return residency >= Residency::huge_pages; }

TableFile open_as(Residency residency, const std::string& path) {
    auto file = TableFile::open(path, {.residency = residency});
    REQUIRE_MESSAGE(bool(file), (file ? std::string() : file.error().message));
    return *std::move(file);
}

bool is_mapped(const std::string& name) { return read_file("/proc/self/maps").find(name) != std::string::npos; }

/// A foreign file of one f32 table with 1024 columns, 4 KiB a row, all of its values zero; sparse.
void write_sparse(const std::string& path, std::uint64_t rows) {
    const std::string shape = "[" + std::to_string(rows) + ",1024]";
    write_file(path, container(header_of({entry("t", "F32", shape, 0, rows * 4096)}), 0));
    std::filesystem::resize_file(path, std::filesystem::file_size(path) + rows * 4096);
}

// The children come first: they may not be forked once oneTBB has threads.

std::string in_child(const std::function<std::string()>& work) {
    return in_child_with_isa(std::string(*active_isa()), work);
}

/// Root may lock as much as there is.
bool drop_capabilities() {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    return syscall(SYS_capset, &header, none) == 0;
}

std::string lock_with_limit(const std::string& path, rlim_t bytes) {
    const rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !drop_capabilities()) return "no such limit";
    const auto file = TableFile::open(path, {.residency = Residency::locked});
    if (is_mapped("limited") != bool(file)) return "a mapping without a file, or the other way round";
    return file ? "locked" : std::string(to_string(file.error().code)) + " " + file.error().message;
}

TEST_CASE("rows over the limit on locked memory are refused and left unmapped") {
    const TemporaryFolder folder;
    const std::string path = folder / "limited";
    const std::vector<NewTable> tables = {new_table("a", RowFormat::f32, 64, 64),
                                          new_table("b", RowFormat::f32, 48, 64)};
    REQUIRE(write_tables(path, tables) == "");
    const std::string advice = "; the rows to lock take 28 KiB, this process may lock ";
    const std::string how = " (raise it with ulimit -l or LimitMEMLOCK= of systemd)";
    CHECK(in_child([&] { return lock_with_limit(path, 20 << 10); }) ==
          "io_error cannot lock " + path + ": Cannot allocate memory" + advice + "20 KiB" + how);
    CHECK(in_child([&] { return lock_with_limit(path, 0); }) ==
          "io_error cannot lock " + path + ": Operation not permitted" + advice + "0 KiB" + how);
    CHECK(in_child([&] { return lock_with_limit(path, 64 << 10); }) == "locked");
}

/// Opens with room for the mapping in the address space, but not for a copy.
std::string copy_with_little_room(const std::string& path) {
    std::size_t pages = 0;
    std::istringstream(read_file("/proc/self/statm")) >> pages;
    const rlim_t bytes = pages * static_cast<std::size_t>(getpagesize()) + (std::size_t{1536} << 20);
    const rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return "no such limit";
    const auto file = TableFile::open(path, {.residency = Residency::huge_pages});
    if (is_mapped("limited")) return "left mapped";
    return file ? "copied" : std::string(to_string(file.error().code)) + " " + file.error().message;
}

TEST_CASE("a copy that does not fit is out_of_memory and leaves nothing mapped") {
    const TemporaryFolder folder;
    write_sparse(folder / "limited", std::uint64_t{1} << 18);
    CHECK(in_child([&] { return copy_with_little_room(folder / "limited"); }) ==
          "out_of_memory cannot copy " + folder / "limited" +
              " into memory: there is no memory for a copy of 1073741824 bytes");
}

TEST_CASE("names of residencies") {
    for (const Residency residency : kResidencies) CHECK(parse_residency(to_string(residency)) == residency);
    CHECK(to_string(Residency::huge_pages) == "huge-pages");
    for (const std::string_view name : {"", "huge_pages", "Mapped"}) CHECK(!parse_residency(name));
}

TEST_CASE("every residency holds the same rows") {
    const TemporaryFolder folder;
    // Small enough to be locked by anyone: 64 KiB is the least that is usual.
    std::vector<NewTable> tables = {new_table("int8", RowFormat::int8, 1000, 33),
                                    new_table("none", RowFormat::f32, 0, 8), new_table("f16", RowFormat::f16, 77, 5),
                                    new_table("last", RowFormat::f32, 2, 8)};
    const std::string names(76, '\n');
    tables[2].row_names = names;
    const std::vector<std::int32_t> remap = {1, -1, 0, 1};
    tables[3].remap = remap;
    REQUIRE(write_tables(folder / "f", tables) == "");
    for (const Residency residency : kResidencies) {
        CAPTURE(to_string(residency));
        const TableFile file = open_as(residency, folder / "f");
        REQUIRE(file.tables().size() == tables.size());
        for (std::size_t i = 0; i < tables.size(); ++i) {
            const Table& table = file.tables()[i];
            CHECK(table.name() == tables[i].name);
            CHECK((table_bytes(table) == rows_of(tables, i)));
            CHECK(std::ranges::equal(rows_of(tables, i), std::span(core::local_data(table), bytes_of(tables[i]))));
            CHECK(reinterpret_cast<std::uintptr_t>(table.data()) % 64 == 0);
            CHECK(std::ranges::equal(table.remap(), tables[i].remap));
            CHECK(std::ranges::equal(core::local_remap(table), tables[i].remap));
        }
        CHECK(file.row_names(2)->size() == 77);
        CHECK(file.verify());
    }
}

TEST_CASE("copies of many pieces") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("a", RowFormat::f32, 20000, 256),
                                          new_table("b", RowFormat::int8, 300000, 57)};
    REQUIRE(write_tables(folder / "f", tables) == "");
    for (const Residency residency : {Residency::huge_pages, Residency::interleaved, Residency::replicated}) {
        const TableFile file = open_as(residency, folder / "f");
        for (std::size_t i = 0; i < 2; ++i) CHECK((table_bytes(file.tables()[i]) == rows_of(tables, i)));
    }
}

TEST_CASE("every residency gives the same lookups") {
    const TemporaryFolder folder;
    const std::vector<float> values = {1, 2, 3, 4, 5, 6, 7, 8};
    const auto text = std::as_bytes(std::span(values));
    std::string file = container(header_of({entry("t", "F32", "[4,2]", 0, 32)}), 0);
    file.append(reinterpret_cast<const char*>(text.data()), text.size());
    write_file(folder / "f", file);
    const std::vector<std::int64_t> indices = {3, 0, 1}, offsets = {0, 2, 2, 3};
    for (const Residency residency : kResidencies) {
        CAPTURE(to_string(residency));
        const Table table = *open_as(residency, folder / "f").table("t");
        CHECK(pooled(table, Bags(indices, offsets), {.mode = Pooling::sum}) == std::vector<float>{8, 10, 0, 0, 3, 4});
    }
}

TEST_CASE("a file without tables opens with every residency") {
    const TemporaryFolder folder;
    write_file(folder / "f", container("{}", 0));
    for (const Residency residency : kResidencies) CHECK(open_as(residency, folder / "f").tables().empty());
}

TEST_CASE("a truncated file is refused with every residency") {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, 100, 64)}) == "");
    std::filesystem::resize_file(folder / "f", std::filesystem::file_size(folder / "f") - 1);
    for (const Residency residency : kResidencies) {
        const auto file = TableFile::open(folder / "f", {.residency = residency});
        REQUIRE(!file);
        CHECK(file.error().code == ErrorCode::corrupt_file);
        CHECK(file.error().message == open_error(folder / "f").message);
    }
}

TEST_CASE("a table keeps its rows, a copied one without the file") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("t", RowFormat::int8, 500, 64)};
    for (const Residency residency : kResidencies) {
        CAPTURE(to_string(residency));
        REQUIRE(write_tables(folder / "kept", tables) == "");
        std::optional<TableFile> file = open_as(residency, folder / "kept");
        std::optional<Table> table = *file->table("t");
        const std::byte* data = table->data();
        file.reset();
        std::filesystem::remove(folder / "kept");
        CHECK(is_mapped("kept") != is_copied(residency));
        CHECK((table_bytes(*table) == rows_of(tables, 0)));
        CHECK(smaps_entry(data).find("r--") != std::string::npos);
        table.reset();
        CHECK(smaps_entry(data).empty());
    }
}

/// Whether the kernel takes the wish for huge pages, which the flag "hg" shows.
bool has_huge_pages() { return std::filesystem::exists("/sys/kernel/mm/transparent_hugepage"); }

TEST_CASE("populated rows are all in memory, mapped ones are not") {
    constexpr long kKib = 16 * 1024;
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, kKib, 256)}) == "");
    const TableFile mapped = open_as(Residency::mapped, folder / "f");
    const TableFile populated = open_as(Residency::populated, folder / "f");
    CHECK(smaps_kib(mapped.tables()[0].data(), "Rss") < kKib / 2);
    CHECK(smaps_kib(populated.tables()[0].data(), "Rss") >= kKib);
    CHECK(!has_vm_flag(mapped.tables()[0].data(), "hg"));
    CHECK(has_vm_flag(populated.tables()[0].data(), "hg") == has_huge_pages());
}

TEST_CASE("locked rows are locked from the first to the last byte") {
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, 8, 1024)}) == "");
    const Table mapped = *open_as(Residency::mapped, folder / "f").table("t");
    const Table locked = *open_as(Residency::locked, folder / "f").table("t");
    CHECK(!has_vm_flag(mapped.data(), "lo"));
    CHECK(has_vm_flag(locked.data(), "lo"));
    CHECK(has_vm_flag(locked.data(), "hg") == has_huge_pages());
    CHECK(has_vm_flag(locked.data() + 8 * 4096 - 1, "lo"));
}

/// KiB of files that are in the page table of this process.
long file_pages_kib() {
    std::istringstream status(read_file("/proc/self/status"));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
    }
    return -1;
}

TEST_CASE("copies lie in huge pages, apart from the file, and leave none of it in the page table") {
    constexpr long kKib = 16 * 1024;
    const TemporaryFolder folder;
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, kKib, 256)}) == "");
    for (const Residency residency : {Residency::huge_pages, Residency::interleaved, Residency::replicated}) {
        CAPTURE(to_string(residency));
        const long before = file_pages_kib();
        const TableFile file = open_as(residency, folder / "f");
        CHECK(file_pages_kib() - before < kKib / 2);
        const std::byte* data = file.tables()[0].data();
        CHECK(reinterpret_cast<std::uintptr_t>(data) % (2 << 20) == 0);
        CHECK(smaps_kib(data, "Rss") == kKib);
        CHECK(smaps_kib(data, "Anonymous") == kKib);
        CHECK(has_vm_flag(data, "hg") == has_huge_pages());
        CHECK(file.verify());
    }
}

}  // namespace
}  // namespace rowpool::test
