// Tuning: it changes no result, its profiles apply to the tables they were measured on only, and survive a file.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cpu/dispatch.hpp"
#include "pooling/plan.hpp"
#include "pooling/prefetch.hpp"
#include "rowpool/tuning.hpp"
#include "tests/support/files.hpp"
#include "tests/support/tables.hpp"
#include "tuning/tune.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

Model model_of(std::vector<Feature> features) {
    auto model = Model::create(std::move(features));
    REQUIRE(model);
    return *std::move(model);
}

TuningProfile profile_for(const MadeTable& made, Prefetch prefetch) {
    const Table table = table_of(made);
    return {.cpu = "some CPU",
            .tables = {{.table = std::string(table.name()),
                        .format = table.format(),
                        .rows = table.rows(),
                        .dim = table.dim(),
                        .prefetch = prefetch,
                        .ns_row = 1.5,
                        .ns_row_untuned = 2.25}}};
}

MadeTable made_table(RowFormat format) {
    Random random(5);
    return make_table(random, format, 300, 40, 0, Values::tame);
}

std::string fault_of_profile(const std::string& text) {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    write_file(path, text);
    const auto profile = load_profile(path);
    REQUIRE(!profile);
    return profile.error().message.substr(path.size());
}

constexpr Prefetch kUnusual = {17, Prefetch::Into::first_level};

TEST_CASE("tuning measures each table once and keeps the results of lookups") {
    const MadeTable int8 = made_table(RowFormat::int8);
    const MadeTable f16 = made_table(RowFormat::f16);
    const Model model = model_of({{table_of(int8), {}}, {table_of(f16), {}}, {table_of(int8), {.mode = Pooling::max}}});
    const auto profile = tune(model);
    REQUIRE(profile);
    CHECK(!profile->cpu.empty());
    REQUIRE(profile->tables.size() == 2);
    for (const TableTuning& tuning : profile->tables) {
        CHECK(tuning.ns_row > 0);
        CHECK(tuning.ns_row <= tuning.ns_row_untuned);
    }
    const auto tuned = with_profile(model, *profile);
    REQUIRE(tuned);
    const Ids indices = {0, 5, 299, 7, 7, 1};
    const Ids offsets = {0, 1, 3, 3, 4, 6, 6};
    Floats before(2 * model.total_dim()), after(before.size(), -1.0f);
    const Engine engine({.threads = 1});
    REQUIRE(engine.pool(model, {indices, offsets}, before));
    REQUIRE(engine.pool(*tuned, {indices, offsets}, after));
    CHECK((before == after));
}

TEST_CASE("other memory is written before each pass over the tables, and never while one is visited") {
    const MadeTable made = made_table(RowFormat::int8);
    const Floats values(400, 1.0f);
    const Model model = model_of({{table_of(made), {}}, {f32_table(values, 4), {}}});
    std::size_t written = 0;
    std::vector<std::size_t> written_when_told;
    const auto tunings = tuning::measure_prefetching(
        model, [&] { ++written; }, [&](double) { written_when_told.push_back(written); });
    REQUIRE(tunings);
    CHECK(tunings->size() == 2);
    CHECK(written >= 5 * tuning::passes_of_round());
    CHECK(written % tuning::passes_of_round() == 0);
    REQUIRE(written_when_told.size() == written);
    for (std::size_t pass = 0; pass < written; ++pass) CHECK(written_when_told[pass] == pass + 1);
}

TEST_CASE("tuning says for which state of the caches, and how far it is") {
    const MadeTable made = made_table(RowFormat::int8);
    const Model model = model_of({{table_of(made), {}}});
    for (const std::size_t between : {std::size_t{0}, std::size_t{4096}}) {
        std::vector<double> told;
        const auto profile =
            tune(model, {.between = between, .progress = [&told](double done) { told.push_back(done); }});
        REQUIRE(profile);
        CHECK(profile->between == between);
        CHECK(profile->tables.size() == 1);
        REQUIRE(!told.empty());
        CHECK(std::ranges::is_sorted(told));
        CHECK(told.front() > 0);
        CHECK(told.back() <= 1);
    }
}

TEST_CASE("more memory between lookups than the machine has is refused") {
    const MadeTable made = made_table(RowFormat::int8);
    const auto profile = tune(model_of({{table_of(made), {}}}), {.between = std::size_t{1} << 50});
    REQUIRE(!profile);
    CHECK(profile.error().code == ErrorCode::out_of_memory);
    CHECK(profile.error().message.find("cannot write 1125899906842624 bytes between lookups") == 0);
}

TEST_CASE("a table without rows is not measured") {
    const Floats none;
    const auto profile = tune(model_of({{f32_table(none, 4), {}}}));
    REQUIRE(profile);
    CHECK(profile->tables.empty());
}

TEST_CASE("a profile applies to tables of its name, format and shape, and leaves explicit options alone") {
    const MadeTable made = made_table(RowFormat::int8);
    const MadeTable other = made_table(RowFormat::int4);
    constexpr Prefetch kExplicit = {3, Prefetch::Into::second_level};
    const Model model =
        model_of({{table_of(made), {}}, {table_of(other), {}}, {table_of(made), {.prefetch = kExplicit}}});
    const auto tuned = with_profile(model, profile_for(made, kUnusual));
    REQUIRE(tuned);
    CHECK(tuned->features()[0].options.prefetch == kUnusual);
    CHECK(!tuned->features()[1].options.prefetch);
    CHECK(tuned->features()[2].options.prefetch == kExplicit);
}

TEST_CASE("a profile comes back from its file as it was") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    TuningProfile saved = profile_for(made_table(RowFormat::tbe_int4), kUnusual);
    saved.between = SIZE_MAX;
    REQUIRE(save_profile(saved, path));
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->cpu == "some CPU");
    CHECK(loaded->between == SIZE_MAX);
    REQUIRE(loaded->tables.size() == 1);
    const TableTuning& a = saved.tables[0];
    const TableTuning& b = loaded->tables[0];
    CHECK(a.table == b.table);
    CHECK(a.format == b.format);
    CHECK(a.rows == b.rows);
    CHECK(a.dim == b.dim);
    CHECK(a.prefetch == b.prefetch);
    CHECK(a.ns_row == b.ns_row);
    CHECK(a.ns_row_untuned == b.ns_row_untuned);
}

TEST_CASE("a profile that says nothing of the caches was measured without writing between lookups") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    write_file(path, R"({"rowpool_tuning": 1, "cpu": "", "tables": []})");
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->between == 0);
}

TEST_CASE("a profile of many tables comes back") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    TuningProfile saved;
    TableTuning any;
    any.table = "t";
    any.dim = 4;
    saved.tables.resize(788, any);
    REQUIRE(save_profile(saved, path));
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->tables.size() == 788);
}

TEST_CASE("what would not come back is not saved") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    const TableTuning far = {.table = "t", .dim = 4, .prefetch = {Prefetch::kMostDistance + 1}};
    TableTuning timeless = {.table = "t", .dim = 4, .prefetch = {}, .ns_row = NAN};
    for (const TableTuning& tuning : {far, timeless}) {
        const Status status = save_profile({.cpu = "", .tables = {tuning}}, path);
        REQUIRE(!status);
        CHECK(status.error().code == ErrorCode::invalid_argument);
    }
    CHECK(folder.names().empty());
}

/// Calls f with a table of so many MiB whose rows nobody may read.
template <class F>
auto with_large_table(RowFormat format, std::size_t dim, std::size_t mib, const F& f) {
    const std::size_t rows = (mib << 20) / row_bytes(format, dim);
    void* const pages = ::mmap(nullptr, mib << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    const auto table = Table::view("t", {.format = format, .rows = rows, .dim = dim},
                                   {static_cast<const std::byte*>(pages), mib << 20});
    REQUIRE(table);
    const auto result = f(*table);
    ::munmap(pages, mib << 20);
    return result;
}

std::string rule_for(RowFormat format, std::size_t dim, std::size_t mib, const pooling::Caches& caches) {
    const Prefetch prefetch = with_large_table(format, dim, mib, [&](const Table& table) {
        return pooling::prefetch_for(table, pooling::bytes_behind(table), caches);
    });
    return std::to_string(prefetch.distance) + (prefetch.into == Prefetch::Into::first_level ? " L1" : " L2");
}

TEST_CASE("rows from afar are prefetched the fewer ahead the wider they are") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    CHECK(rule_for(RowFormat::int8, 32, 256, kSmall) == "64 L2");
    CHECK(rule_for(RowFormat::f32, 64, 256, kSmall) == "32 L2");
    CHECK(rule_for(RowFormat::f32, 256, 256, kSmall) == "8 L2");
    CHECK(rule_for(RowFormat::int8, 32, 9, kSmall) == "64 L2");
    CHECK(rule_for(RowFormat::int8, 32, 8, kSmall) == "24 L1");
    CHECK(rule_for(RowFormat::f32, 64, 8, kSmall) == "24 L1");
    CHECK(rule_for(RowFormat::f32, 320, 9, kSmall) == "8 L2");
    CHECK(rule_for(RowFormat::f32, 320, 8, kSmall) == "8 L1");
    CHECK(rule_for(RowFormat::int8, 32, 8, kLarge) == "24 L1");
    CHECK(rule_for(RowFormat::int8, 32, 9, kLarge) == "96 L1");
    const std::size_t block_dim = cpu::active_kernels()->block_dim;
    if (block_dim >= 112) {  // AVX2, AVX-512; blocks of sanitized builds are smaller
        CHECK(rule_for(RowFormat::int8, 32, 256, kLarge) == "96 L1");
        CHECK(rule_for(RowFormat::f32, 64, 16, kLarge) == "48 L1");
        CHECK(rule_for(RowFormat::f32, 64, 256, kLarge) == "64 L1");
        CHECK(rule_for(RowFormat::f16, 96, 256, kLarge) == "85 L1");
        CHECK(rule_for(RowFormat::int8, 8200, 256, kLarge) == "8 L1");
    }
    if (block_dim == 112) {
        CHECK(rule_for(RowFormat::f32, 200, 256, kLarge) == "36 L1");
        CHECK(rule_for(RowFormat::f16, 128, 256, kLarge) == "64 L1");
    }
    if (block_dim == 448) {
        CHECK(rule_for(RowFormat::f32, 4000, 16, kLarge) == "8 L1");
        CHECK(rule_for(RowFormat::bf16, 600, 16, kLarge) == "19 L1");
        CHECK(rule_for(RowFormat::bf16, 600, 256, kLarge) == "25 L1");
        CHECK(rule_for(RowFormat::int8, 600, 256, kLarge) == "51 L1");
    }
}

TEST_CASE("rows that share few sets of the first-level cache are prefetched less far ahead") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20};
    CHECK(rule_for(RowFormat::f32, 1024, 1, kLarge) == "6 L1");
    CHECK(rule_for(RowFormat::f32, 1040, 1, kLarge) == "8 L1");
    if (cpu::active_kernels()->block_dim != 448) return;
    CHECK(rule_for(RowFormat::f32, 1024, 16, kLarge) == "6 L1");
    CHECK(rule_for(RowFormat::f32, 1040, 16, kLarge) == "8 L1");
    CHECK(rule_for(RowFormat::f16, 1024, 16, kLarge) == "12 L1");
    CHECK(rule_for(RowFormat::f16, 1040, 16, kLarge) == "17 L1");
    CHECK(rule_for(RowFormat::f16, 2048, 256, kLarge) == "9 L1");
    CHECK(rule_for(RowFormat::int8, 2040, 256, kLarge) == rule_for(RowFormat::int8, 2030, 256, kLarge));
}

TEST_CASE(
    "rows that should be in the second-level cache are prefetched, but not far ahead; those in the first are not") {
    constexpr pooling::Caches kLarge = {48 << 10, 2 << 20, 32 << 20}, kSmall = {32 << 10, 2 << 20, 32 << 20};
    for (const pooling::Caches& caches : {kLarge, kSmall}) {
        CHECK(rule_for(RowFormat::f32, 17, 1, caches) == "16 L1");
        CHECK(rule_for(RowFormat::int8, 64, 1, caches) == "16 L1");
        CHECK(rule_for(RowFormat::f32, 1000, 1, caches) == "8 L1");
    }
    CHECK(rule_for(RowFormat::f32, 16, 1, kSmall) == "16 L1");
    CHECK(rule_for(RowFormat::f32, 16, 1, kLarge) == "0 L1");
    CHECK(rule_for(RowFormat::f32, 16, 2, kLarge) == "0 L1");
    CHECK(rule_for(RowFormat::int8, 32, 1, kLarge) == "0 L1");
    CHECK(rule_for(RowFormat::int8, 32, 2, kLarge) == "16 L1");
    CHECK(rule_for(RowFormat::int4, 47, 1, kLarge) == "0 L1");
    CHECK(rule_for(RowFormat::int4, 48, 1, kLarge) == "16 L1");
    CHECK(rule_for(RowFormat::tbe_int2, 100, 1, kLarge) == "16 L1");
    constexpr pooling::Caches kHuge = {48 << 10, 4 << 20, 32 << 20};
    CHECK(rule_for(RowFormat::int8, 15, 3, kHuge) == "0 L1");
    CHECK(rule_for(RowFormat::int8, 16, 3, kHuge) == "16 L1");
    CHECK(rule_for(RowFormat::int8, 16, 2, kHuge) == "0 L1");
    const Floats values(8000, 1.0f);
    CHECK((pooling::prefetch_for(f32_table(values, 8), 1 << 30, kSmall).distance == 0));
}

std::size_t whole_distance_for(std::size_t dim, Prefetch prefetch, const pooling::Caches& caches) {
    return with_large_table(RowFormat::f16, dim, 1, [&](const Table& table) {
        return pooling::distance_of_whole_rows(table, prefetch, caches);
    });
}

TEST_CASE("whole rows on their way to the first-level cache fill a third of it, or are one") {
    constexpr pooling::Caches kCaches = {48 << 10, 1 << 20, 32 << 20};
    constexpr auto kFirst = Prefetch::Into::first_level, kSecond = Prefetch::Into::second_level;
    CHECK(whole_distance_for(512, {27, kFirst}, kCaches) == 16);
    CHECK(whole_distance_for(512, {12, kFirst}, kCaches) == 12);
    CHECK(whole_distance_for(4000, {8, kFirst}, kCaches) == 2);
    CHECK(whole_distance_for(20000, {8, kFirst}, kCaches) == 1);
    CHECK(whole_distance_for(4000, {8, kSecond}, kCaches) == 8);
    CHECK(whole_distance_for(4000, {0, kFirst}, kCaches) == 0);
    for (const std::size_t distance : {std::size_t{0}, std::size_t{2}, std::size_t{400}}) {  // whoever has set it
        with_large_table(RowFormat::f16, 4000, 1, [&](const Table& table) {
            PoolOptions options;
            options.prefetch = Prefetch{distance, kFirst};
            pooling::FeaturePlan feature;
            REQUIRE(pooling::plan_feature(table, options, pooling::bytes_behind(table), feature));
            CHECK(feature.rows.prefetch.distance == distance);
            CHECK(feature.rows.whole_distance == pooling::distance_of_whole_rows(table, feature.rows.prefetch));
            return 0;
        });
    }
}

std::size_t least_run_of(RowFormat format, std::size_t dim, std::size_t mib, const pooling::Caches& caches) {
    return with_large_table(format, dim, 1,
                            [&](const Table& table) { return pooling::least_run_for(table, mib << 20, caches); });
}

TEST_CASE("wide rows are read side by side where blocks are short for the cache that they come from") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    constexpr std::size_t kAll = 65536 * sizeof(float);  // bytes of the widest row
    for (const RowFormat format : {RowFormat::f32, RowFormat::bf16, RowFormat::int8}) {
        for (const pooling::Caches& caches : {kLarge, kSmall}) CHECK(least_run_of(format, 512, 4, caches) == 0);
        CHECK(least_run_of(format, 512, 5, kLarge) == 64);
        CHECK(least_run_of(format, 512, 16, kLarge) == 64);
        CHECK(least_run_of(format, 512, 17, kLarge) == 256);
        CHECK(least_run_of(format, 8192, 33, kLarge) == 1024);
        CHECK(least_run_of(format, 512, 8, kSmall) == 0);
        CHECK(least_run_of(format, 512, 9, kSmall) > kAll);
    }
    for (const pooling::Caches& caches : {kLarge, kSmall}) {  // long rows of codes
        CHECK(least_run_of(RowFormat::int8, 1273, 5, caches) > kAll);
        CHECK(least_run_of(RowFormat::int8, 1272, 5, caches) < kAll);
        CHECK(least_run_of(RowFormat::f32, 1273, 5, caches) < kAll);
    }
    CHECK(least_run_of(RowFormat::int8, 1273, 32, kLarge) > kAll);
    CHECK(least_run_of(RowFormat::int8, 1273, 33, kLarge) == 256);
}

TEST_CASE("short bags are read side by side where that is faster than block by block") {
    constexpr std::size_t kNear = 64, kMemory = 256, kSmallCaches = ~std::size_t{0};
    CHECK(kernels::most_at_once(kernels::Codec::int8_f32, (99 + 8) * 112 / 99, kNear) == 8);  // AVX2
    CHECK(kernels::most_at_once(kernels::Codec::f16, 96, kMemory) == 8);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 192, kNear) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 192, kMemory) == 8);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 448, kNear) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 448, kMemory) == 0);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 896, kNear) == 0);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 448, kSmallCaches) == 8);
    CHECK(kernels::most_at_once(kernels::Codec::f16, 896, kSmallCaches) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::f32, 1792, kSmallCaches) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::f32, 1792, kMemory) == 0);
    CHECK(kernels::most_at_once(kernels::Codec::f32, 1792, kNear) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::f32, 1792, 0) == 4);
    CHECK(kernels::most_at_once(kernels::Codec::int8_f32, 450, kNear) == 4);  // AVX-512
    CHECK(kernels::most_at_once(kernels::Codec::int8_f32, 450, kMemory) == 8);
    CHECK(kernels::most_at_once(kernels::Codec::int4, 224, kNear) == 8);
    CHECK(kernels::most_at_once(kernels::Codec::int2, 112, 0) == 8);
}

TEST_CASE("the kernel for short bags takes fewer rows of long blocks") {
    CHECK(kernels::most_side_by_side(511) == 8);
    CHECK(kernels::most_side_by_side(512) == 4);
}

TEST_CASE("rows are one block the wider, the less their decoding takes") {
    kernels::KernelTable table = {};
    table.one_block_dim = 144;
    table.block_dim = 112;
    CHECK(kernels::widest_block(table, kernels::Codec::f32) == 130);
    CHECK(kernels::widest_block(table, kernels::Codec::bf16) == 112);
    CHECK(kernels::widest_block(table, kernels::Codec::f16) == 112);
    CHECK(kernels::widest_block(table, kernels::Codec::int8_f32) == 98);
    CHECK(kernels::widest_block(table, kernels::Codec::int4) == 98);
}

TEST_CASE("calls are short if their bags have few rows in the mean, and their rows are wide enough") {
    kernels::KernelTable table = {};
    table.one_block_dim = 144;
    table.block_dim = 112;
    kernels::PoolArgs args = {};
    args.pooling = Pooling::sum;
    args.out_type = OutputType::f32;
    args.last_bag = 10;
    const auto are_short = [&](kernels::Codec codec, std::size_t dim, std::size_t row_bytes, std::size_t rows) {
        args.rows.dim = dim;
        args.rows.bytes = row_bytes;
        args.end = rows;
        return kernels::are_short(table, codec, args);
    };
    constexpr kernels::Codec kInt8 = kernels::Codec::int8_f32, kF32 = kernels::Codec::f32;
    CHECK(are_short(kInt8, 99, 107, 80));
    CHECK(!are_short(kInt8, 99, 107, 81));
    CHECK(!are_short(kInt8, 98, 106, 80));
    CHECK(are_short(kF32, 131, 524, 40));
    CHECK(!are_short(kF32, 131, 524, 41));
    CHECK(!are_short(kF32, 130, 520, 40));
    CHECK(are_short(kF32, 4096, 16384, 40));
    CHECK(!are_short(kF32, 4097, 16388, 40));  // too wide
    CHECK(are_short(kInt8, 4088, 4096, 80));
    CHECK(!are_short(kInt8, 4089, 4097, 80));
    table.one_block_dim = table.block_dim = 448;  // AVX-512
    CHECK(are_short(kF32, 393, 1572, 40));
    CHECK(!are_short(kF32, 393, 1572, 41));
    CHECK(!are_short(kF32, 392, 1568, 40));
    CHECK(!are_short(kernels::Codec::f16, 500, 1000, 20));
    args.least_run = ~std::size_t{0};
    CHECK(are_short(kernels::Codec::f16, 500, 1000, 40));
    CHECK(!are_short(kernels::Codec::f16, 500, 1000, 41));
    args.pooling = Pooling::mean;
    CHECK(!are_short(kF32, 393, 1572, 40));
}

TEST_CASE("rows of more than two short blocks are read side by side, and of int4 and int2 from anywhere") {
    kernels::KernelTable table = {};
    table.block_dim = 112;
    kernels::PoolArgs args = {};
    const auto are_many = [&](kernels::Codec codec, std::size_t dim, std::size_t row_bytes, std::size_t least_run) {
        args.rows.dim = dim;
        args.rows.bytes = row_bytes;
        args.least_run = least_run;
        return kernels::are_many_blocks(table, codec, args);
    };
    constexpr kernels::Codec kInt4 = kernels::Codec::int4, kInt8 = kernels::Codec::int8_f32, kF32 = kernels::Codec::f32;
    CHECK(are_many(kInt4, 226, 117, 0));
    CHECK(!are_many(kInt4, 224, 116, 0));   // two blocks
    CHECK(!are_many(kInt8, 230, 238, 64));  // from L3
    CHECK(are_many(kInt8, 230, 238, 256));  // from memory
    CHECK(!are_many(kF32, 230, 920, 256));
}

TEST_CASE("results are prefetched, whole rows ahead, where L3 does not keep them") {
    constexpr pooling::Caches kCaches = {48 << 10, 1 << 20, 32 << 20};
    constexpr std::size_t kMiB = 1 << 20;
    const auto ahead_for = [&](std::size_t count, std::size_t stride) {
        const auto ahead = pooling::results_ahead(count, stride, kCaches);
        CHECK(ahead.single_rows == ahead.sums);
        return ahead.sums;
    };
    CHECK(ahead_for(8 * kMiB / 100, 100) == 0);
    CHECK(ahead_for(8 * kMiB / 100 + 1, 100) == 8200);
    CHECK(ahead_for(kMiB, 20000) == 20000);
    CHECK(ahead_for(~std::size_t{0}, ~std::size_t{0} / 2) == ~std::size_t{0} / 2);
    CHECK(ahead_for(~std::size_t{0}, 0) == 0);
    constexpr pooling::Caches kSmall = {32 << 10, 1 << 20, 32 << 20};
    CHECK(pooling::results_ahead(kMiB, 100, kSmall).sums == 2100);
    CHECK(pooling::results_ahead(kMiB, 20000, kSmall).sums == 20000);
    CHECK(pooling::results_ahead(kMiB, 100, kSmall).single_rows == 0);
}

TEST_CASE("a distance of any size is taken") {
    const Floats values(100, 1.0f);
    const Ids ids(200, 49);
    Floats out(2);
    const PoolOptions options = {.mode = Pooling::sum, .prefetch = Prefetch{SIZE_MAX}};
    REQUIRE(pool(f32_table(values, 2), Bags::fixed(ids, 1, 200), options, out));
    CHECK((out == Floats{200, 200}));
}

TEST_CASE("files that are no profiles are refused, and say why") {
    CHECK(fault_of_profile("").find("is not JSON") != std::string::npos);
    CHECK(fault_of_profile("[]") == ": is no tuning profile: it has no version");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 2})") == ": is a tuning profile of a newer version");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": 5, "tables": []})") == ": has no cpu or no tables");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": "", "tables": [{}]})") ==
          ": table 0 is not as it should be");
    CHECK(fault_of_profile(
              R"({"rowpool_tuning": 1, "cpu": "", "tables": [{"table": "t", "format": "int8", "rows": 1, "dim": 2,)"
              R"("prefetch_distance": 5000, "prefetch_into": "L2", "ns_row": 1, "ns_row_untuned": 1}]})") ==
          ": table 0 is not as it should be");
    for (const std::string wrong : {"-1", "1.5", "\"2MiB\""}) {
        CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": "", "tables": [], "between_bytes": )" + wrong + "}") ==
              ": has a wrong between_bytes");
    }
    const auto missing = load_profile("/nowhere/profile.json");
    REQUIRE(!missing);
    CHECK(missing.error().code == ErrorCode::io_error);
}

TEST_CASE("a profile that cannot be written says where") {
    const Status status = save_profile({}, "/nowhere/profile.json");
    REQUIRE(!status);
    CHECK(status.error().message.find("/nowhere") != std::string::npos);
}

}  // namespace
}  // namespace rowpool::test
