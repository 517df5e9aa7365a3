// The rules by which rows are prefetched, and by which wide rows are read by blocks.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cpu/dispatch.hpp"
#include "pooling/plan.hpp"
#include "pooling/prefetch.hpp"
#include "pooling/slice.hpp"
#include "rowpool/pool.hpp"
#include "tests/support/large_table.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

/// The rule for a table of so many MiB that shares the caches with others: so many KiB in all.
std::string shared_rule_for(RowFormat format, std::size_t dim, std::size_t mib, std::size_t kib,
                            const pooling::Caches& caches) {
    const Prefetch prefetch = with_large_table(
        format, dim, mib, [&](const Table& table) { return pooling::prefetch_for(table, kib << 10, caches); });
    return std::to_string(prefetch.distance) + (prefetch.into == Prefetch::Into::first_level ? " L1" : " L2");
}

std::string rule_for(RowFormat format, std::size_t dim, std::size_t mib, const pooling::Caches& caches) {
    return shared_rule_for(format, dim, mib, mib << 10, caches);
}

TEST_CASE("rows from afar are prefetched the fewer ahead the wider they are") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    CHECK(rule_for(RowFormat::int8, 32, 256, kSmall) == "64 L2");
    CHECK(rule_for(RowFormat::int8, 32, 9, kSmall) == "64 L2");
    CHECK(rule_for(RowFormat::int8, 32, 8, kSmall) == "40 L1");
    CHECK(rule_for(RowFormat::int8, 100, 8, kSmall) == "32 L1");
    CHECK(rule_for(RowFormat::f32, 64, 8, kSmall) == "24 L1");
    CHECK(rule_for(RowFormat::int8, 32, 8, kLarge) == "24 L1");
    CHECK(rule_for(RowFormat::int8, 32, 9, kLarge) == "96 L1");
    const std::size_t block_dim = cpu::active_kernels()->block_dim;
    if (block_dim >= 112) {  // AVX2, AVX-512; blocks of sanitized builds are smaller
        CHECK(rule_for(RowFormat::f32, 64, 256, kSmall) == "32 L2");
        CHECK(rule_for(RowFormat::int8, 32, 256, kLarge) == "96 L1");
        CHECK(rule_for(RowFormat::f32, 64, 16, kLarge) == "48 L1");
        CHECK(rule_for(RowFormat::f32, 64, 256, kLarge) == "64 L1");
        CHECK(rule_for(RowFormat::f16, 96, 256, kLarge) == "85 L1");
        CHECK(rule_for(RowFormat::int8, 8200, 256, kLarge) == "8 L1");
        CHECK(rule_for(RowFormat::f16, 1536, 256, kSmall) == "8 L2");  // of a row
    }
    if (block_dim == 112) {
        CHECK(rule_for(RowFormat::f16, 416, 9, kSmall) == "32 L2");  // a block's lines
        CHECK(rule_for(RowFormat::f16, 416, 256, kSmall) == "32 L2");
        CHECK(rule_for(RowFormat::f16, 512, 9, kSmall) == "32 L2");
        CHECK(rule_for(RowFormat::f16, 512, 256, kSmall) == "21 L2");  // too many blocks: a row's
        CHECK(rule_for(RowFormat::bf16, 640, 9, kSmall) == "17 L2");
        CHECK(rule_for(RowFormat::f32, 320, 8, kSmall) == "16 L1");
        CHECK(rule_for(RowFormat::f32, 320, 4, kSmall) == "8 L1");
        CHECK(rule_for(RowFormat::f32, 208, 256, kSmall) == "32 L2");
        CHECK(rule_for(RowFormat::f32, 464, 256, kSmall) == "11 L2");
        CHECK(rule_for(RowFormat::f32, 200, 256, kLarge) == "36 L1");
        CHECK(rule_for(RowFormat::f16, 128, 256, kLarge) == "64 L1");
    }
    if (block_dim == 448) {
        CHECK(rule_for(RowFormat::f16, 160, 9, kSmall) == "25 L2");
        CHECK(rule_for(RowFormat::f16, 160, 256, kSmall) == "32 L2");
        CHECK(rule_for(RowFormat::f16, 416, 256, kSmall) == "26 L2");
        CHECK(rule_for(RowFormat::bf16, 640, 9, kSmall) == "24 L2");
        CHECK(rule_for(RowFormat::f16, 512, 8, kSmall) == "14 L1");
        CHECK(rule_for(RowFormat::f16, 896, 8, kSmall) == "8 L1");
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
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 2 << 20, 32 << 20};
    constexpr pooling::Caches kLargeL2 = {48 << 10, 2 << 20, 105 << 20};
    for (const pooling::Caches& caches : {kLarge, kSmall, kLargeL2}) {
        CHECK(rule_for(RowFormat::f32, 17, 1, caches) == "16 L1");
        CHECK(rule_for(RowFormat::int8, 64, 1, caches) == "16 L1");
        CHECK(rule_for(RowFormat::f32, 1000, 1, caches) == "8 L1");
    }
    CHECK(rule_for(RowFormat::f32, 16, 1, kSmall) == "16 L1");
    CHECK(rule_for(RowFormat::f32, 16, 1, kLarge) == "0 L1");
    CHECK(shared_rule_for(RowFormat::int8, 32, 1, 512, kLarge) == "0 L1");
    CHECK(shared_rule_for(RowFormat::int8, 32, 1, 513, kLarge) == "16 L1");
    CHECK(shared_rule_for(RowFormat::int4, 47, 1, 512, kLarge) == "0 L1");
    CHECK(shared_rule_for(RowFormat::int4, 48, 1, 512, kLarge) == "16 L1");
    CHECK(shared_rule_for(RowFormat::tbe_int2, 100, 1, 512, kLarge) == "16 L1");
    CHECK(shared_rule_for(RowFormat::int8, 15, 1, 768, kLarge) == "0 L1");
    CHECK(shared_rule_for(RowFormat::int8, 16, 1, 768, kLarge) == "16 L1");
    for (const RowFormat format : {RowFormat::f32, RowFormat::int8}) {
        CHECK(shared_rule_for(format, 15, 1, 1024, kLargeL2) == "0 L1");
        CHECK(shared_rule_for(format, 15, 1, 1025, kLargeL2) == "16 L1");
    }
    CHECK(shared_rule_for(RowFormat::int4, 48, 1, 1024, kLargeL2) == "16 L1");
    const Floats values(8000, 1.0f);
    CHECK((pooling::prefetch_for(f32_table(values, 8), 1 << 30, kSmall).distance == 0));
}

Prefetch skewed_rule_for(std::size_t dim, Prefetch prefetch) {
    return with_large_table(RowFormat::int8, dim, 1,
                            [&](const Table& table) { return pooling::prefetch_if_skewed(table, prefetch); });
}

TEST_CASE("rows of at most a line are prefetched into the first-level cache where indices are skewed") {
    constexpr auto kFirst = Prefetch::Into::first_level, kSecond = Prefetch::Into::second_level;
    CHECK((skewed_rule_for(56, {64, kSecond}) == Prefetch{64, kFirst}));
    CHECK((skewed_rule_for(4, {96, kSecond}) == Prefetch{64, kFirst}));
    CHECK((skewed_rule_for(57, {64, kSecond}) == Prefetch{64, kSecond}));
    CHECK((skewed_rule_for(56, {24, kFirst}) == Prefetch{24, kFirst}));
    with_large_table(RowFormat::int8, 8, 256, [](const Table& table) {  // planned so, where L1 is small
        pooling::FeaturePlan feature;
        REQUIRE(pooling::plan_feature(table, PoolOptions{}, pooling::bytes_behind(table), feature));
        CHECK((feature.if_skewed == pooling::prefetch_if_skewed(table, feature.rows.prefetch)));
        return 0;
    });
}

constexpr std::int64_t kRows = 1'000'000;

std::int64_t uniform_index(std::mt19937_64& random) { return static_cast<std::int64_t>(random() % kRows); }

/// By a Zipf law with an exponent of 1.05.
std::int64_t zipf_index(std::mt19937_64& random) {
    constexpr double kPower = -0.05;
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    const double rank = std::pow((std::pow(static_cast<double>(kRows), kPower) - 1) * uniform + 1, 1 / kPower);
    return static_cast<std::int64_t>(rank) * 7919 % kRows;
}

/// How many of 200 lists of indices that are drawn by draw() are skewed, of int32 and int64 alike.
template <class Draw>
int skewed_of_200(std::size_t count, const Draw& draw) {
    kernels::PoolArgs args = {};
    args.rows.ids = kRows;
    args.rows.padding = 5;
    args.position = 3;
    args.end = args.position + count;
    int skewed = 0;
    for (int list = 0; list < 200; ++list) {
        Ids wide(args.end);
        for (std::int64_t& index : wide) index = draw();
        std::vector<std::int32_t> narrow;
        for (const std::int64_t index : wide) narrow.push_back(static_cast<std::int32_t>(index));
        args.indices = narrow.data();
        args.wide_indices = false;
        const bool are_skewed = pooling::are_skewed(args);
        args.indices = wide.data();
        args.wide_indices = true;
        CHECK(pooling::are_skewed(args) == are_skewed);
        skewed += are_skewed ? 1 : 0;
    }
    return skewed;
}

TEST_CASE("indices by a Zipf law are skewed; uniform ones are not, whatever else is among them") {
    std::mt19937_64 random(26);
    const auto uniform_or = [&](std::int64_t other) {
        return [&random, other] { return random() % 4 == 0 ? other : uniform_index(random); };
    };
    for (const std::size_t count : {std::size_t{64}, std::size_t{1024}, std::size_t{5000}}) {
        CHECK(skewed_of_200(count, [&] { return zipf_index(random); }) >= 180);
        CHECK(skewed_of_200(count, [&] { return uniform_index(random); }) <= 4);
        CHECK(skewed_of_200(count, uniform_or(5)) <= 4);      // padding
        CHECK(skewed_of_200(count, uniform_or(-1)) <= 4);     // no row
        CHECK(skewed_of_200(count, uniform_or(kRows)) <= 4);  // no row
        CHECK(skewed_of_200(count, uniform_or(7)) <= 20);     // one frequent index
    }
}

/// The arguments of the last kernel call.
kernels::PoolArgs last_call;

void record(const kernels::PoolArgs& args) noexcept { last_call = args; }

TEST_CASE("kernels are told what was planned, and of many skewed indices to prefetch otherwise") {
    constexpr Prefetch kUsual = {40, Prefetch::Into::second_level}, kSkewed = {64, Prefetch::Into::first_level};
    const kernels::CodecKernels recording = {{record, record}, record, {nullptr, nullptr}, record, record};
    kernels::KernelTable kernels = *cpu::active_kernels();
    for (const kernels::CodecKernels*& codec : kernels.codecs) codec = &recording;
    std::mt19937_64 random(27);
    const Floats values(kRows, 1.0f);
    const Table table = f32_table(values, 1);
    const auto prefetch_of = [&](std::size_t count, bool are_skewed, const Prefetch& if_skewed) {
        Ids ids(count);
        for (std::int64_t& id : ids) id = are_skewed ? zipf_index(random) : uniform_index(random);
        Floats out(count / 2);
        const Bags bags = Bags::fixed(ids, count / 2, 2);
        PoolOptions options;
        options.prefetch = kUsual;
        pooling::FeaturePlan feature;
        pooling::Plan plan;
        REQUIRE(pooling::plan_call(table, bags, options, out, feature, plan));
        CHECK((feature.if_skewed == kUsual));
        CHECK(feature.bytes_at_once == pooling::bytes_at_once_for(table, pooling::bytes_behind(table)));
        feature.if_skewed = if_skewed;
        feature.bytes_at_once = 4321;
        plan.kernels = &kernels;
        pooling::run_slice(plan, pooling::begin_of(plan), pooling::end_of(plan));
        CHECK(last_call.prefetch_end == count);
        CHECK(last_call.bytes_at_once == 4321);
        CHECK(last_call.rows.whole_distance == last_call.rows.prefetch.distance);
        return last_call.rows.prefetch;
    };
    CHECK((prefetch_of(4096, true, kSkewed) == kSkewed));
    CHECK((prefetch_of(4096, false, kSkewed) == kUsual));
    CHECK((prefetch_of(1022, true, kSkewed) == kUsual));
    CHECK((prefetch_of(4096, true, kUsual) == kUsual));
}

std::size_t whole_distance_for(std::size_t dim, Prefetch prefetch, const pooling::Caches& caches) {
    return with_large_table(RowFormat::f16, dim, 1, [&](const Table& table) {
        return pooling::distance_of_whole_rows(table, prefetch, caches);
    });
}

TEST_CASE("whole rows on their way to a cache fill a third of it, or are one") {
    constexpr pooling::Caches kCaches = {48 << 10, 1 << 20, 32 << 20};
    constexpr auto kFirst = Prefetch::Into::first_level, kSecond = Prefetch::Into::second_level;
    CHECK(whole_distance_for(512, {27, kFirst}, kCaches) == 16);
    CHECK(whole_distance_for(512, {12, kFirst}, kCaches) == 12);
    CHECK(whole_distance_for(4000, {8, kFirst}, kCaches) == 2);
    CHECK(whole_distance_for(20000, {8, kFirst}, kCaches) == 1);
    CHECK(whole_distance_for(4000, {8, kSecond}, kCaches) == 8);
    CHECK(whole_distance_for(4000, {96, kSecond}, kCaches) == 43);
    CHECK(whole_distance_for(4000, {0, kFirst}, kCaches) == 0);
    constexpr pooling::Caches kSmall = {32 << 10, 1 << 20, 32 << 20};
    CHECK(whole_distance_for(200, {64, kSecond}, kSmall) == 32);
    CHECK(whole_distance_for(20, {96, kSecond}, kSmall) == 64);
    CHECK(whole_distance_for(200, {64, kFirst}, kSmall) == 27);
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
    }
    const std::size_t block = cpu::active_kernels()->block_dim;  // columns: from afar with a small L1
    const auto are_cut = [&](RowFormat format, std::size_t dim, std::size_t mib) {
        const std::size_t least_run = least_run_of(format, dim, mib, kSmall);
        CHECK((least_run == 1 || least_run > kAll));
        return least_run == 1;
    };
    CHECK(are_cut(RowFormat::f32, 4 * block, 17));
    CHECK(!are_cut(RowFormat::f32, 4 * block + 1, 17));
    CHECK(are_cut(RowFormat::f32, 9 * block, 16));
    if (block >= 112) {  // blocks of sanitized builds are shorter than a line
        CHECK(are_cut(RowFormat::f16, 5 * block, 16));
        CHECK(!are_cut(RowFormat::f16, 5 * block + 1, 16));
        CHECK(are_cut(RowFormat::bf16, std::min<std::size_t>(4 * block, 1024), 17));
        CHECK(!are_cut(RowFormat::bf16, std::min<std::size_t>(4 * block, 1024) + 1, 17));
        CHECK(are_cut(RowFormat::int8, std::min<std::size_t>(4 * block, 1016), 33));
        CHECK(!are_cut(RowFormat::int8, std::min<std::size_t>(4 * block, 1016) + 1, 33));
        CHECK(are_cut(RowFormat::int4, 4 * block, 33) == (block == 448));  // 56 bytes on AVX2
    }
    for (const pooling::Caches& caches : {kLarge, kSmall}) {                              // long rows of codes
        const std::size_t most = caches.first_level == kSmall.first_level ? 1016 : 1272;  // columns
        CHECK(least_run_of(RowFormat::int8, most + 1, 5, caches) > kAll);
        CHECK(least_run_of(RowFormat::int8, most, 5, caches) < kAll);
        CHECK(least_run_of(RowFormat::f32, most + 1, 5, caches) < kAll);
    }
    CHECK(least_run_of(RowFormat::int8, 1273, 32, kLarge) > kAll);
    CHECK(least_run_of(RowFormat::int8, 1273, 33, kLarge) == 256);
}

TEST_CASE("with a large second-level cache, blocks from afar are long, and near ones are prefetched line by line") {
    constexpr pooling::Caches kLargeL2 = {48 << 10, 2 << 20, 104 << 20};
    constexpr std::size_t kAll = 65536 * sizeof(float);
    for (const RowFormat format : {RowFormat::f32, RowFormat::bf16, RowFormat::int8}) {
        CHECK(least_run_of(format, 512, 8, kLargeL2) == 1);
        CHECK(least_run_of(format, 512, 9, kLargeL2) == 64);
        CHECK(least_run_of(format, 512, 26, kLargeL2) == 64);
        CHECK(least_run_of(format, 512, 27, kLargeL2) == 1024);
    }
    CHECK(least_run_of(RowFormat::int8, 1273, 9, kLargeL2) > kAll);
    const std::size_t block = cpu::active_kernels()->block_dim;
    if (block < 112) return;  // of sanitized builds
    for (const std::size_t mib : {std::size_t{1}, std::size_t{9}}) {
        CHECK(least_run_of(RowFormat::f16, 4 * block, mib, kLargeL2) == (mib == 1 ? 1 : 64));
        CHECK((least_run_of(RowFormat::f16, 4 * block + 1, mib, kLargeL2) > kAll) == (block == 112));
    }
    if (block == 112) CHECK(rule_for(RowFormat::f32, 4 * block, 8, kLargeL2) == "8 L1");  // a row's lines
    CHECK(least_run_of(RowFormat::f32, 512, 8, {32 << 10, 2 << 20, 32 << 20}) == 0);      // L1 is small
}

TEST_CASE("blocks of bags that have few rows together are read one after the other from afar") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    constexpr std::uint32_t kAll = ~std::uint32_t{0};
    const auto bytes_at_once = [](RowFormat format, std::size_t dim, std::size_t mib, const pooling::Caches& caches) {
        return with_large_table(
            format, dim, 1, [&](const Table& table) { return pooling::bytes_at_once_for(table, mib << 20, caches); });
    };
    for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::int8}) {
        for (const pooling::Caches& caches : {kLarge, kSmall}) CHECK(bytes_at_once(format, 512, 4, caches) == kAll);
        CHECK(bytes_at_once(format, 32, 10, {32 << 10, 4 << 20, 16 << 20}) == kAll);  // near: L2 has many of them
    }
    CHECK(bytes_at_once(RowFormat::f16, 40000, 17, kSmall) == 6144);  // too many blocks
    if (cpu::active_kernels()->block_dim >= 112) {
        for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::int8}) {
            CHECK(bytes_at_once(format, 200, 16, kSmall) == kAll);
            CHECK(bytes_at_once(format, 200, 17, kSmall) == (format == RowFormat::f32 ? kAll : 12288));
        }
    }
    constexpr pooling::Caches kLargeL2 = {48 << 10, 2 << 20, 105 << 20};
    CHECK(bytes_at_once(RowFormat::f32, 512, 8, kLargeL2) == kAll);
    const std::size_t block_dim = cpu::active_kernels()->block_dim;
    CHECK(bytes_at_once(RowFormat::f32, 512, 9, kLargeL2) == (block_dim < 16 ? 6144 : 256 << 10));
    const bool are_short = block_dim < 256;  // from memory
    CHECK(bytes_at_once(RowFormat::f32, 2048, 27, kLargeL2) == (are_short ? 6144 : 256 << 10));
    CHECK(bytes_at_once(RowFormat::int8, 512, 17, kLarge) == (are_short ? 6144 : kAll));
    CHECK(bytes_at_once(RowFormat::f32, 8192, 17, kLarge) == (are_short ? 6144 : kAll));
}

TEST_CASE("a distance of any size is taken") {
    const Floats values(100, 1.0f);
    const Ids ids(200, 49);
    Floats out(2);
    const PoolOptions options = {.mode = Pooling::sum, .prefetch = Prefetch{SIZE_MAX}};
    REQUIRE(pool(f32_table(values, 2), Bags::fixed(ids, 1, 200), options, out));
    CHECK((out == Floats{200, 200}));
}

}  // namespace
}  // namespace rowpool::test
