// Files that do not fit memory: when read-ahead is turned off, which pages lookups ask for, and the same results in
// every case. A system that only notes what it is asked for stands in for the kernel.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "core/local_rows.hpp"
#include "file/open_table_file.hpp"
#include "memory/cold_rows.hpp"
#include "memory/numa.hpp"
#include "memory/paging.hpp"
#include "rowpool/rowpool.hpp"
#include "tests/support/smaps.hpp"
#include "tests/support/table_files.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Bytes = std::span<const std::byte>;
using Ids = std::vector<std::int64_t>;
using Range = std::pair<std::size_t, std::size_t>;  // first page and number of pages

constexpr std::size_t kPlenty = std::numeric_limits<std::size_t>::max();
const std::size_t kPage = static_cast<std::size_t>(getpagesize());

/// What the system was asked for since it was made, and what it answers.
struct Asked {
    static inline std::size_t memory = kPlenty;
    static inline std::vector<Bytes> read_singly;
    static inline std::vector<Bytes> begun;
    static inline std::mutex mutex;

    explicit Asked(std::size_t usable_memory = kPlenty) {
        memory = usable_memory;
        read_singly.clear();
        begun.clear();
    }
    /// The pages that were asked for, counted from that of `first`.
    static std::vector<Range> pages(const std::byte* first) {
        const auto page = [](const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at) / kPage; };
        std::vector<Range> result;
        for (const Bytes& bytes : begun) {
            CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % kPage == 0);
            result.emplace_back(page(bytes.data()) - page(first), (bytes.size() + kPage - 1) / kPage);
        }
        return result;
    }
};

const memory::Paging kNoting = {.usable_memory = [] { return Asked::memory; },
                                .read_singly =
                                    [](Bytes bytes) noexcept {
                                        const std::scoped_lock lock(Asked::mutex);
                                        Asked::read_singly.push_back(bytes);
                                    },
                                .begin_reading =
                                    [](Bytes bytes) noexcept {
                                        const std::scoped_lock lock(Asked::mutex);
                                        Asked::begun.push_back(bytes);
                                    }};

TableFile open_noting(const std::string& path, const OpenOptions& options,
                      const memory::Numa& numa = memory::this_machine()) {
    auto file = open_table_file(path, options, numa, kNoting);
    REQUIRE_MESSAGE(bool(file), (file ? std::string() : file.error().message));
    return *std::move(file);
}

/// A file of one f32 table whose rows begin with a page and take an eighth of one.
struct Paged {
    const TemporaryFolder folder;
    std::string path = folder / "paged";
    std::size_t rows;

    explicit Paged(std::size_t pages) : rows(8 * pages) {
        const std::size_t dim = kPage / 32, bytes = pages * kPage;
        const std::string shape = "[" + std::to_string(rows) + "," + std::to_string(dim) + "]";
        std::string text = container(header_of({entry("t", "F32", shape, 0, bytes)}), 0);
        const std::string padding(kPage - text.size() % kPage, ' ');
        text = container(header_of({entry("t", "F32", shape, 0, bytes)}) + padding, 0);
        REQUIRE(text.size() % kPage == 0);
        const auto values = random_bytes(bytes, 1);
        text.append(reinterpret_cast<const char*>(values.data()), values.size());
        write_file(path, text);
    }
    Table open(ReadAhead read_ahead = ReadAhead::off) const {
        return open_noting(path, {.read_ahead = read_ahead}).tables()[0];
    }
};

/// Results as bytes, because random numbers may be NaN.
std::vector<std::byte> pooled_bytes(const Table& table, const Bags& bags, const PoolOptions& options) {
    const std::vector<float> values = pooled(table, bags, options);
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
}

std::vector<Range> pages_of(const Table& table, const Ids& ids, const PoolOptions& options = {.mode = Pooling::none}) {
    Asked::begun.clear();
    pooled(table, options.mode == Pooling::none ? Bags::rows(ids) : Bags::fixed(ids, 1, ids.size()), options);
    return Asked::pages(table.data());
}

TEST_CASE("a file fits memory when it takes three quarters of it or less") {
    constexpr std::size_t kGib = std::size_t{1} << 30;
    CHECK(memory::fit_memory(0, 0));
    CHECK(!memory::fit_memory(1, 0));
    CHECK(memory::fit_memory(1, 1));
    CHECK(memory::fit_memory(18 * kGib, 24 * kGib));
    CHECK(!memory::fit_memory(18 * kGib + 1, 24 * kGib));
    CHECK(memory::fit_memory(kPlenty / 4 * 3, kPlenty));
    CHECK(!memory::fit_memory(kPlenty, kPlenty));
}

TEST_CASE("read-ahead is turned off for rows that do not fit memory, or as the options say") {
    const TemporaryFolder folder;
    const std::vector<NewTable> tables = {new_table("a", RowFormat::f32, 1000, 64),
                                          new_table("b", RowFormat::int8, 9, 8),
                                          new_table("none", RowFormat::f32, 0, 8)};
    REQUIRE(write_tables(folder / "f", tables) == "");
    const std::size_t bytes = bytes_of(tables[0]) + bytes_of(tables[1]);
    const auto is_off = [&](ReadAhead read_ahead, std::size_t memory) {
        const Asked asked(memory);
        const TableFile file = open_noting(folder / "f", {.read_ahead = read_ahead});
        const Ids ids = {0, 1, 999};
        pooled(file.tables()[0], Bags::rows(ids), {.mode = Pooling::none});
        CHECK(Asked::begun.empty() == Asked::read_singly.empty());
        if (Asked::read_singly.empty()) return false;
        REQUIRE(Asked::read_singly.size() == 2);
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(Asked::read_singly[i].data() == file.tables()[i].data());
            CHECK(Asked::read_singly[i].size() == bytes_of(tables[i]));
        }
        return true;
    };
    CHECK(!is_off(ReadAhead::automatic, kPlenty));
    CHECK(!is_off(ReadAhead::automatic, bytes * 2));
    CHECK(is_off(ReadAhead::automatic, bytes));
    CHECK(is_off(ReadAhead::automatic, 0));
    CHECK(!is_off(ReadAhead::on, 0));
    CHECK(is_off(ReadAhead::off, kPlenty));
    CHECK(!is_off(ReadAhead{}, kPlenty));
}

TEST_CASE("a call asks for the pages of its rows once, neighbours together") {
    const Asked asked;
    const Paged paged(40);
    const Table table = paged.open();
    using Ranges = std::vector<Range>;
    CHECK(pages_of(table, {0, 7, 3}) == Ranges{{0, 1}});
    CHECK(pages_of(table, {0}).empty());
    CHECK(pages_of(table, {8, 16, 17, 24, 40, 39, 80, 88}) == Ranges{{1, 3}, {5, 1}, {4, 1}, {10, 2}});
    CHECK(pages_of(table, {319, 0, 312}) == Ranges{{39, 1}});
    CHECK(pages_of(table, {}).empty());
}

TEST_CASE("rows across pages, and the last one of a file") {
    const Asked asked;
    const TemporaryFolder folder;
    const std::size_t dim = 3 * kPage / 4 / 2;  // one and a half pages
    REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, 50, dim)}) == "");
    const Table table = open_noting(folder / "f", {.read_ahead = ReadAhead::off}).tables()[0];
    const auto page_of = [&](std::size_t byte) {
        return (reinterpret_cast<std::uintptr_t>(table.data()) % kPage + byte) / kPage;
    };
    for (const std::size_t row : {std::size_t{10}, std::size_t{49}}) {
        const std::size_t first = page_of(row * dim * 4), last = page_of((row + 1) * dim * 4 - 1);
        CHECK(pages_of(table, {static_cast<std::int64_t>(row)}) == std::vector<Range>{{first, last - first + 1}});
    }
}

TEST_CASE("pages are asked for again after an eighth of the memory of others") {
    const Asked asked(8 * 3 * kPage);
    const Paged paged(40);
    const Table table = paged.open();
    CHECK(pages_of(table, {0}).size() == 1);
    CHECK(pages_of(table, {8}).size() == 1);
    CHECK(pages_of(table, {0}).empty());
    CHECK(pages_of(table, {80}).size() == 1);  // the third: all are forgotten
    CHECK(pages_of(table, {0}).size() == 1);
    const Asked none(0);
    const Table without_memory = paged.open();
    for (int i = 0; i < 3; ++i) CHECK(pages_of(without_memory, {0}).size() == 1);
}

TEST_CASE("what is kept is never asked for, however often the rest is forgotten") {
    constexpr std::size_t kPages = 200;
    const Asked asked(8 * 3 * kPage);
    std::vector<std::byte> memory((kPages + 1) * kPage);
    std::byte* const first = memory.data() + (kPage - reinterpret_cast<std::uintptr_t>(memory.data()) % kPage) % kPage;
    const auto pages = [first](std::size_t begin, std::size_t count) {
        return Bytes(first + begin * kPage, count * kPage);
    };
    const std::vector<Bytes> kept = {pages(3, 1), pages(60, 70), Bytes()};
    const memory::ColdRows rows(pages(0, kPages), kept, kNoting);
    for (int round = 0; round < 3; ++round) {
        Asked::begun.clear();
        for (std::size_t page = 0; page < kPages; ++page) memory::ColdRows::Fetch(rows).add(pages(page, 1));
        CHECK(Asked::begun.size() == kPages - 71);
        for (const auto& [page, count] : Asked::pages(first)) CHECK((page != 3 && (page < 60 || page >= 130)));
    }
}

TEST_CASE("indices that are bad, skipped or padding have no pages") {
    const Asked asked;
    const Paged paged(8);
    const Table table = paged.open();
    constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
    const Ids ids = {-1, 64, 8, kLargest, -kLargest - 1, 16};
    CHECK(fault_of(table, Bags::rows(ids), {.mode = Pooling::none}).fault == PoolFault::index);
    CHECK(Asked::begun.empty());
    const PoolOptions skip = {.mode = Pooling::sum, .padding_index = 16, .on_bad_index = OnBadIndex::skip};
    CHECK(pages_of(table, ids, skip) == std::vector<Range>{{1, 1}});
    const std::vector<std::int32_t> narrow = {std::numeric_limits<std::int32_t>::min(), 24, 64};
    Asked::begun.clear();
    pooled(table, Bags::fixed(narrow, 1, 3), {.mode = Pooling::max, .on_bad_index = OnBadIndex::skip});
    CHECK(Asked::pages(table.data()) == std::vector<Range>{{3, 1}});
}

TEST_CASE("of a remapped table the rows of ids are asked for, and none for what is no row") {
    const Asked asked;
    const TemporaryFolder folder;
    std::vector<NewTable> tables = {new_table("t", RowFormat::f32, 16, kPage / 4)};
    const std::vector<std::int32_t> remap = {9, -1, 2, 15};
    tables[0].remap = remap;
    REQUIRE(write_tables(folder / "f", tables) == "");
    std::string file = read_file(folder / "f");
    const std::int32_t damaged[] = {9, 16, 2, std::numeric_limits<std::int32_t>::max()};
    const auto at = file.find(std::string(reinterpret_cast<const char*>(remap.data()), 16));
    REQUIRE(at != std::string::npos);
    const auto pages = [&](const Ids& ids) {
        const Table table = open_noting(folder / "f", {.read_ahead = ReadAhead::off}).tables()[0];
        const std::size_t offset = reinterpret_cast<std::uintptr_t>(table.data()) % kPage;
        std::vector<Range> result = pages_of(table, ids);
        for (Range& range : result) range.second -= offset == 0 ? 0 : 1;  // a row is in two pages then
        return result;
    };
    CHECK(pages({0, 1, 2, 3}) == std::vector<Range>{{9, 1}, {2, 1}, {15, 1}});
    file.replace(at, 16, reinterpret_cast<const char*>(damaged), 16);
    write_file(folder / "f", file);
    CHECK(pages({0, 1, 2, 3}) == std::vector<Range>{{9, 1}, {2, 1}});
}

TEST_CASE("what is held is not asked for, the other rows are") {
    constexpr std::size_t kRows = 8 * 1024, kHot = 3 * 512;  // 8 MiB, and 1.5 MiB of them hot
    const TemporaryFolder folder;
    std::vector<NewTable> tables = {new_table("t", RowFormat::f32, kRows, 256), new_table("u", RowFormat::int8, 9, 24)};
    tables[0].hot_rows = kHot;
    REQUIRE(write_tables(folder / "f", tables) == "");
    const auto plain = pooled_bytes(open_tables(folder / "f").tables()[0], Bags::rows(Ids{0, kHot, kRows - 1}),
                                    {.mode = Pooling::none});
    const auto check = [&](Residency residency, const memory::Numa& numa) {
        CAPTURE(to_string(residency));
        const Asked asked;
        const TableFile file =
            open_noting(folder / "f", {.residency = residency, .hot = HotPart{}, .read_ahead = ReadAhead::off}, numa);
        const Table& table = file.tables()[0];
        CHECK((pooled_bytes(table, Bags::rows(Ids{0, kHot, kRows - 1}), {.mode = Pooling::none}) == plain));
        const bool is_kept = residency >= Residency::locked;
        CHECK(pages_of(table, {1, 2, 3, 100, 700}).empty() == is_kept);
        CHECK(pages_of(table, {kRows - 1000}).size() == 1);
        const auto has_hot = [&](const Bytes& bytes) {
            const std::byte* const rows = core::local_data(table);
            return bytes.data() <= rows && rows < bytes.data() + bytes.size();
        };
        CHECK(!Asked::read_singly.empty());
        CHECK(std::ranges::any_of(Asked::read_singly, has_hot) != is_kept);
        CHECK(file.verify());
        return Asked::read_singly.size();
    };
    for (const Residency residency :
         {Residency::mapped, Residency::populated, Residency::huge_pages, Residency::interleaved}) {
        check(residency, memory::this_machine());
    }
    const memory::Numa two_nodes = {
        .nodes =
            [] {
                return std::vector<unsigned>{0, 1};
            },
        .place = [](std::span<std::byte>, memory::Placement, std::span<const unsigned>) noexcept { return 0; },
        .current_node = []() noexcept { return 1u; }};
    CHECK(check(Residency::replicated, two_nodes) == 2 * check(Residency::huge_pages, memory::this_machine()));
}

TEST_CASE("the rows behind a locked hot part are asked for") {
    const Asked asked;
    const Paged paged(12);
    const TableFile file = open_noting(
        paged.path, {.residency = Residency::locked, .hot = HotPart{.most_rows = 10}, .read_ahead = ReadAhead::off});
    const Table& table = file.tables()[0];
    CHECK(pages_of(table, {0, 10, 15, 16, 40}) == std::vector<Range>{{2, 1}, {5, 1}});  // row 15 is in a locked page
    REQUIRE(Asked::read_singly.size() == 1);
    CHECK(Asked::read_singly[0].data() == table.data() + 10 * table.row_stride());
}

TEST_CASE("rows that are all held are never asked for") {
    const Paged paged(4);
    for (const Residency residency : {Residency::locked, Residency::huge_pages, Residency::replicated}) {
        const Asked asked(0);
        const TableFile file = open_noting(paged.path, {.residency = residency, .read_ahead = ReadAhead::off});
        CHECK(pages_of(file.tables()[0], {0, 8, 31}).empty());
        CHECK(Asked::read_singly.empty());
    }
}

TEST_CASE("files without tables or rows") {
    const Asked asked(0);
    const TemporaryFolder folder;
    write_file(folder / "f", container("{}", 0));
    CHECK(open_noting(folder / "f", {.read_ahead = ReadAhead::off}).tables().empty());
    for (const Residency residency : {Residency::mapped, Residency::locked, Residency::huge_pages}) {
        REQUIRE(write_tables(folder / "f", {new_table("t", RowFormat::f32, 0, 8)}) == "");
        const OpenOptions options = {.residency = residency, .hot = HotPart{}, .read_ahead = ReadAhead::off};
        const TableFile file = open_noting(folder / "f", options);
        CHECK(pages_of(file.tables()[0], {}).empty());
        const PoolOptions skip = {.mode = Pooling::sum, .on_bad_index = OnBadIndex::skip};
        CHECK(pages_of(file.tables()[0], {0, 1}, skip).empty());
    }
}

/// Every way to say where bags end, with bags that are empty, long, and longer than a part.
struct ManyBags {
    Ids ids;
    Ids offsets = {0};
    Ids lengths;

    ManyBags(Random& random, std::size_t bags, std::size_t rows) {
        for (std::size_t b = 0; b < bags; ++b) {
            const std::uint64_t kind = random.below(10);
            const std::size_t length = kind == 0 ? 0 : kind == 1 ? random.below(6000) : random.below(60);
            for (std::size_t i = 0; i < length; ++i)
                ids.push_back(static_cast<std::int64_t>(random.below(rows + 2)) - 1);
            lengths.push_back(static_cast<std::int64_t>(length));
            offsets.push_back(static_cast<std::int64_t>(ids.size()));
        }
    }
};

TEST_CASE("the same results in parts, and every page asked for") {
    const Asked asked;
    const Paged paged(100);
    const Table with = paged.open(ReadAhead::on), without = paged.open(ReadAhead::off);
    Random random(7);
    for (int round = 0; round < 20; ++round) {
        const ManyBags bags(random, 1 + random.below(120), paged.rows);
        const Ids starts(bags.offsets.begin(), bags.offsets.end() - 1);
        const PoolOptions options = {.mode = round % 2 == 0 ? Pooling::mean : Pooling::max,
                                     .on_bad_index = OnBadIndex::skip};
        for (const Bags& way :
             {Bags(bags.ids, bags.offsets), Bags::lengths(bags.ids, bags.lengths), Bags::starts(bags.ids, starts),
              Bags::fixed(bags.ids, 1, bags.ids.size()), Bags::rows(bags.ids)}) {
            PoolOptions own = options;
            if (way.kind() == Bags::Kind::fixed && way.length() == 1) own.mode = Pooling::none;
            CHECK((pooled_bytes(without, way, own) == pooled_bytes(with, way, own)));
            const Engine engine({.threads = 3});
            std::vector<float> out(way.num_bags() * with.dim()), expected(out.size());
            const PoolStatus of_engine = engine.pool(without, way, own, out), alone = pool(with, way, own, expected);
            CHECK(of_engine);
            CHECK(of_engine.skipped == alone.skipped);
            CHECK((out.empty() || std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)) == 0));
        }
    }
    std::size_t pages = 0;
    for (const Range& range : Asked::pages(without.data())) pages += range.second;
    CHECK(pages == 100);
}

TEST_CASE("a request asks for the rows of the features that are cold") {
    const Asked asked;
    const Paged first(30), second(31), warm(30);
    Random random(11);
    const auto model_of = [&](ReadAhead read_ahead) {
        const PoolOptions skip = {.mode = Pooling::sum, .on_bad_index = OnBadIndex::skip};
        auto model =
            Model::create({{first.open(read_ahead), skip},
                           {warm.open(ReadAhead::on), skip},
                           {second.open(read_ahead), skip},
                           {first.open(read_ahead), {.mode = Pooling::mean, .on_bad_index = OnBadIndex::skip}}});
        REQUIRE(model);
        return *std::move(model);
    };
    const Model with = model_of(ReadAhead::on), without = model_of(ReadAhead::off);
    for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
        const Engine engine({.threads = threads});
        for (const std::size_t batch : {std::size_t{0}, std::size_t{1}, std::size_t{40}, std::size_t{300}}) {
            const ManyBags bags(random, 4 * batch, first.rows);
            const Request request = {bags.ids, bags.offsets, {}};
            std::vector<float> out(batch * with.total_dim()), expected(out.size());
            std::vector<std::size_t> skipped(4), expected_skipped(4);
            REQUIRE(engine.pool(with, request, expected, expected_skipped));
            REQUIRE(engine.pool(without, request, out, skipped));
            CHECK(skipped == expected_skipped);
            CHECK((out.empty() || std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)) == 0));
        }
    }
    std::size_t pages = 0;
    for (const Range& range : Asked::pages(nullptr)) pages += range.second;
    CHECK(pages == 30 + 31 + 30);  // of the first file twice: it is open twice
}

TEST_CASE("many threads at once") {
    const Asked asked(8 * 20 * kPage);  // what was asked for is forgotten again and again
    const Paged paged(200);
    const Table table = paged.open(), with = paged.open(ReadAhead::on);
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            Random random(t);
            for (int call = 0; call < 50; ++call) {
                Ids ids(100);
                for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random.below(paged.rows));
                const PoolOptions options = {.mode = Pooling::none};
                std::vector<float> out(ids.size() * table.dim()), expected(out.size());
                const bool are_there =
                    pool(table, Bags::rows(ids), options, out) && pool(with, Bags::rows(ids), options, expected);
                if (!are_there || std::memcmp(out.data(), expected.data(), out.size() * 4) != 0) ++wrong;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(Asked::begun.size() > 200);
}

TEST_CASE("the system reads singly where it is told to, and what is around rows as before") {
    const Paged paged(8);
    for (const ReadAhead read_ahead : {ReadAhead::automatic, ReadAhead::on, ReadAhead::off}) {
        const auto file = TableFile::open(paged.path, {.read_ahead = read_ahead});
        REQUIRE(file);
        const Table& table = file->tables()[0];
        CHECK(has_vm_flag(table.data(), "rr") == (read_ahead == ReadAhead::off));
        CHECK(!has_vm_flag(table.data() - 1, "rr"));  // the header
        CHECK((table_bytes(table) == random_bytes(8 * kPage, 1)));
    }
}

}  // namespace
}  // namespace rowpool::test
