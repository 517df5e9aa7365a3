// NUMA nodes: which there are, how copies of rows are placed on them, and which copy a lookup reads. A machine of two
// nodes is made up, so that all of it runs where there is one.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sstream>

#include "core/local_rows.hpp"
#include "file/open_table_file.hpp"
#include "memory/numa.hpp"
#include "memory/paging.hpp"
#include "rowpool/rowpool.hpp"
#include "tests/support/smaps.hpp"
#include "tests/support/table_files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Nodes = std::vector<unsigned>;

TEST_CASE("the nodes of both lists") {
    CHECK(memory::usable_nodes("0", "0") == Nodes{0});
    CHECK(memory::usable_nodes("0-3", "0-3") == Nodes{0, 1, 2, 3});
    CHECK(memory::usable_nodes("0-1,4,6-7", "1-6") == Nodes{1, 4, 6});
    CHECK(memory::usable_nodes("0,1023", "1023") == Nodes{1023});
}

TEST_CASE("a list that is none excludes nothing") {
    CHECK(memory::usable_nodes("", "2-3") == Nodes{2, 3});
    CHECK(memory::usable_nodes("0-1", "") == Nodes{0, 1});
    for (const std::string_view none :
         {"one", "0-", "-1", "3-2", "0,", "0,,1", "0-1 2", "1024", "99999999999999999999"}) {
        CAPTURE(none);
        CHECK(memory::usable_nodes("0-1", none) == Nodes{0, 1});
        CHECK(memory::usable_nodes(none, "5") == Nodes{5});
    }
}

TEST_CASE("without a node there is node 0") {
    CHECK(memory::usable_nodes("", "") == Nodes{0});
    CHECK(memory::usable_nodes("0-1", "2-3") == Nodes{0});
}

TEST_CASE("this machine has a node, and this thread runs on one") {
    const Nodes nodes = memory::this_machine().nodes();
    REQUIRE(!nodes.empty());
    CHECK(std::ranges::is_sorted(nodes));
    CHECK(std::filesystem::exists("/sys/devices/system/node/node" +
                                  std::to_string(memory::this_machine().current_node())));
}

/// What a made-up machine was asked for, and what it answers.
struct Placed {
    std::span<std::byte> pages;
    memory::Placement placement;
    Nodes nodes;
};
std::vector<Placed> placed;
std::atomic<unsigned> current_node = 0;
int refusal = 0;

Nodes two_nodes() { return {0, 3}; }

const memory::Numa kTwoNodes = {
    .nodes = two_nodes,
    .place =
        [](std::span<std::byte> pages, memory::Placement placement, std::span<const unsigned> nodes) noexcept {
            placed.push_back({pages, placement, Nodes(nodes.begin(), nodes.end())});
            return refusal;
        },
    .current_node = []() noexcept { return current_node.load(); }};

/// A file with two tables, opened on the made-up machine.
struct TwoTables {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("a", RowFormat::int8, 300, 64),
                                          new_table("b", RowFormat::f32, 200, 16)};

    TwoTables() {
        placed.clear();
        current_node = 0;
        refusal = 0;
        REQUIRE(write_tables(path(), tables) == "");
    }
    std::string path() const { return folder / "f"; }
    Result<TableFile> open(Residency residency, const memory::Numa& numa = kTwoNodes) const {
        return open_table_file(path(), {.residency = residency}, numa, memory::system_paging());
    }
};

/// The row data that a thread on this node looks up.
std::vector<std::byte> rows_on(unsigned node, const Table& table) {
    current_node = node;
    const std::byte* rows = core::local_data(table);
    return {rows, rows + table.rows() * table.row_stride()};
}

TEST_CASE("only copies ask for nodes") {
    const TwoTables two;
    for (const Residency residency :
         {Residency::mapped, Residency::populated, Residency::locked, Residency::huge_pages}) {
        CHECK(two.open(residency));
    }
    CHECK(placed.empty());
}

TEST_CASE("interleaved: one copy over all nodes") {
    const TwoTables two;
    const auto file = two.open(Residency::interleaved);
    REQUIRE(file);
    REQUIRE(placed.size() == 1);
    CHECK(placed[0].placement == memory::Placement::interleaved);
    CHECK(placed[0].nodes == Nodes{0, 3});
    CHECK(placed[0].pages.data() == file->tables()[0].data());
    CHECK(placed[0].pages.size() == 2 << 20);
    for (std::size_t i = 0; i < 2; ++i) CHECK((rows_on(3, file->tables()[i]) == rows_of(two.tables, i)));
}

TEST_CASE("replicated: a copy on each node, and threads read that of theirs") {
    const TwoTables two;
    const auto file = two.open(Residency::replicated);
    REQUIRE(file);
    REQUIRE(placed.size() == 2);
    for (std::size_t copy = 0; copy < 2; ++copy) {
        CHECK(placed[copy].placement == memory::Placement::preferred);
        CHECK(placed[copy].nodes == Nodes{two_nodes()[copy]});
        CHECK(placed[copy].pages.size() == 2 << 20);
        current_node = two_nodes()[copy];
        CHECK(core::local_data(file->tables()[0]) == placed[copy].pages.data());
    }
    for (std::size_t i = 0; i < 2; ++i) {
        const Table& table = file->tables()[i];
        for (const unsigned node : two_nodes()) CHECK((rows_on(node, table) == rows_of(two.tables, i)));
    }
}

TEST_CASE("a node without a copy reads the first") {
    const TwoTables two;
    const auto file = two.open(Residency::replicated);
    REQUIRE(file);
    for (const unsigned node : {1u, 4u, 5000u}) {
        current_node = node;
        CHECK(core::local_data(file->tables()[1]) == file->tables()[1].data());
    }
}

TEST_CASE("lookups read the copy of the node that they run on") {
    const TwoTables two;
    const auto file = two.open(Residency::replicated);
    REQUIRE(file);
    const Table table = file->tables()[1];
    current_node = 3;
    // The copies are made to differ: row 5 of the second one gets the bytes of its row 6.
    std::byte* row = const_cast<std::byte*>(core::local_data(table)) + 5 * table.row_stride();
    REQUIRE(mprotect(placed[1].pages.data(), placed[1].pages.size(), PROT_READ | PROT_WRITE) == 0);
    std::copy_n(row + table.row_stride(), table.row_stride(), row);

    // Enough of them that an engine uses its threads.
    const std::vector<std::int32_t> fifth(20000, 5), sixth(20000, 6);
    const PoolOptions lookup = {.mode = Pooling::none};
    const std::vector<float> own = pooled(table, Bags::rows(sixth), lookup);
    CHECK((pooled(table, Bags::rows(fifth), lookup) == own));
    const Engine engine({.threads = 2});
    std::vector<float> out(own.size());
    CHECK(engine.pool(table, Bags::rows(fifth), lookup, out));
    CHECK((out == own));
    current_node = 0;
    CHECK((pooled(table, Bags::rows(sixth), lookup) == own));
    CHECK((pooled(table, Bags::rows(fifth), lookup) != own));
}

TEST_CASE("lookups read the remap of the node that they run on") {
    TwoTables two;
    const std::vector<std::int32_t> remap = {5, -1, 6};
    std::vector<NewTable> tables = two.tables;
    tables[0].remap = remap;
    REQUIRE(write_tables(two.path(), tables) == "");
    const auto file = two.open(Residency::replicated);
    REQUIRE(file);
    const Table table = file->tables()[0];
    const std::vector<std::int32_t> first = {0}, third = {2};
    const PoolOptions lookup = {.mode = Pooling::none};
    current_node = 3;
    // The copies are made to differ: in the second one, the first id gets the row of the third.
    REQUIRE(mprotect(placed[1].pages.data(), placed[1].pages.size(), PROT_READ | PROT_WRITE) == 0);
    const_cast<std::int32_t&>(core::local_remap(table)[0]) = 6;
    CHECK((pooled(table, Bags::rows(first), lookup) == pooled(table, Bags::rows(third), lookup)));
    current_node = 0;
    CHECK((pooled(table, Bags::rows(first), lookup) != pooled(table, Bags::rows(third), lookup)));
}

TEST_CASE("one node: one copy, and nothing to place") {
    const TwoTables two;
    memory::Numa one = kTwoNodes;
    one.nodes = [] { return Nodes{2}; };
    for (const Residency residency : {Residency::interleaved, Residency::replicated}) {
        const auto file = two.open(residency, one);
        REQUIRE(file);
        CHECK((rows_on(2, file->tables()[0]) == rows_of(two.tables, 0)));
        CHECK(core::local_data(file->tables()[0]) == file->tables()[0].data());
    }
    CHECK(placed.empty());
}

TEST_CASE("what cannot be placed is an io_error that says where") {
    const TwoTables two;
    refusal = EPERM;
    const auto interleaved = two.open(Residency::interleaved);
    REQUIRE(!interleaved);
    CHECK(interleaved.error().code == ErrorCode::io_error);
    CHECK(interleaved.error().message ==
          "cannot copy " + two.path() + " into memory: placing a copy on all NUMA nodes: Operation not permitted");
    const std::byte* pages = placed[0].pages.data();
    CHECK(smaps_entry(pages).empty());
    const auto replicated = two.open(Residency::replicated);
    REQUIRE(!replicated);
    CHECK(replicated.error().message ==
          "cannot copy " + two.path() + " into memory: placing a copy on NUMA node 0: Operation not permitted");
}

/// The line of /proc/self/numa_maps for the mapping that begins there.
std::string numa_map(const void* begin) {
    std::ostringstream address;
    address << std::hex << reinterpret_cast<std::uintptr_t>(begin) << ' ';
    std::ifstream maps("/proc/self/numa_maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.starts_with(address.str())) return line;
    }
    return {};
}

TEST_CASE("the kernel takes the placements") {
    const TwoTables two;
    memory::Numa numa = memory::this_machine();
    numa.nodes = [] { return Nodes{0, 1}; };  // a node that is not there is left out of the interleaving
    const auto file = two.open(Residency::interleaved, numa);
    if (!file || numa_map(file->tables()[0].data()).empty()) {
        MESSAGE("skipped: this system does not let us place memory, or does not say where it is");
        return;
    }
    CHECK(numa_map(file->tables()[0].data()).find(" interleave:0") != std::string::npos);

    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    const std::span<std::byte> pages(static_cast<std::byte*>(page), 4096);
    CHECK(numa.place(pages, memory::Placement::preferred, Nodes{0}) == 0);
    pages[0] = std::byte{1};
    CHECK(numa_map(page).find(" prefer:0") != std::string::npos);
    CHECK(numa.place(pages, memory::Placement::preferred, Nodes{1000}) == EINVAL);
    munmap(page, 4096);
}

}  // namespace
}  // namespace rowpool::test
