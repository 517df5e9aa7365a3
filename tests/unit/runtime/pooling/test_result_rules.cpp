// The rules by which results are prefetched, and by which they are written past the caches.
#include <doctest/doctest.h>

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "pooling/prefetch.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"
#include "tests/support/large_table.hpp"

namespace rowpool::test {
namespace {

/// Ten bags of so many rows, with results of `dim` columns that are `stride` columns apart.
kernels::PoolArgs fixed_bags(std::size_t dim, std::size_t rows, std::size_t stride) {
    kernels::PoolArgs args = {};
    args.rows.dim = dim;
    args.ends = {kernels::BagEnds::Kind::fixed, false, nullptr, rows};
    args.last_bag = 10;
    args.end = 10 * rows;
    args.pooling = Pooling::sum;
    args.out_stride = stride;
    args.out_type = OutputType::f32;
    return args;
}

TEST_CASE("results are prefetched where L3 does not keep them, or a large L2") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    constexpr pooling::Caches kLargeL2 = {48 << 10, 2 << 20, 105 << 20};
    constexpr std::size_t kMiB = 1 << 20, kHuge = ~std::size_t{0};
    const auto are_far = [&](std::size_t count, std::size_t stride, const pooling::Caches& caches) {
        const auto far = pooling::far_results(count, stride, caches);
        CHECK(far.single_rows == far.any);
        CHECK(far.few_rows == far.any);
        return far.any;
    };
    CHECK_FALSE(are_far(8 * kMiB / 100, 100, kLarge));
    CHECK(are_far(8 * kMiB / 100 + 1, 100, kLarge));
    CHECK_FALSE(are_far(2 * kMiB / 100, 100, kLargeL2));
    CHECK(are_far(2 * kMiB / 100 + 1, 100, kLargeL2));
    for (const pooling::Caches& caches : {kLarge, kLargeL2}) {
        CHECK(are_far(kHuge, kHuge / 2, caches));
        CHECK_FALSE(are_far(kHuge, 0, caches));
    }
    CHECK_FALSE(pooling::far_results(2 * kMiB / 100 + 1, 100, {32 << 10, 2 * kMiB, 32 * kMiB}).any);  // L1 is small
    CHECK(pooling::far_results(kMiB, 100, kSmall).any);
    CHECK(pooling::far_results(kMiB, 100, kSmall).few_rows);
    CHECK_FALSE(pooling::far_results(kMiB, 100, kSmall).single_rows);
    CHECK_FALSE(pooling::far_results(4 * kMiB / 100, 100, kSmall).any);
    CHECK(pooling::far_results(4 * kMiB / 100 + 1, 100, kSmall).any);
    CHECK_FALSE(pooling::far_results(8 * kMiB / 100, 100, kSmall).few_rows);
    CHECK(pooling::far_results(8 * kMiB / 100 + 1, 100, kSmall).few_rows);
}

TEST_CASE("results are prefetched whole rows ahead") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    const auto ahead = [](std::size_t dim, std::size_t stride, std::size_t rows, const pooling::FarResults& far,
                          const pooling::Caches& caches) {
        return pooling::results_ahead(fixed_bags(dim, rows, stride), far, caches);
    };
    for (const std::size_t rows : {std::size_t{1}, std::size_t{4}, std::size_t{5}}) {
        const pooling::FarResults far = {rows > 4, rows > 1 && rows <= 4, rows == 1};
        CHECK(ahead(25, 25, rows, far, kLarge) == 8200);
        CHECK(ahead(25, 25, rows, far, kSmall) == 2100);
        CHECK(ahead(5000, 5000, rows, far, kSmall) == 20000);
        const pooling::FarResults others = {!far.any, !far.few_rows, !far.single_rows};
        CHECK(ahead(25, 25, rows, others, kLarge) == 0);
    }
    for (const pooling::Caches& caches : {kLarge, kSmall}) {  // others' columns between results
        CHECK(ahead(64, 1000, 1, {true, false, false}, caches) == 8 * 4000);
        CHECK(ahead(64, 1000, 4, {true, false, false}, caches) == 8 * 4000);
        CHECK(ahead(600, 1000, 5, {true, false, false}, caches) == 4000);
        CHECK(ahead(64, 1000, 1, {false, true, true}, caches) == 0);
    }
}

bool streams(RowFormat format, std::size_t dim, std::size_t mib, std::size_t count,
             const pooling::Caches& caches = {32 << 10, 1 << 20, 32 << 20}, OutputType type = OutputType::f32,
             std::size_t gap = 0) {
    return with_large_table(format, dim, mib, [&](const Table& table) {
        return pooling::streams_results(table, type, count, dim + gap, caches);
    });
}

TEST_CASE("results of wide f32 and int8 rows are streamed where L3 does not keep them, but would keep the table") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    constexpr std::size_t kMany = (16 << 20) / 2048 + 1;  // results of 512 columns: more than half of L3
    CHECK(streams(RowFormat::f32, 512, 16, kMany));
    CHECK(streams(RowFormat::f32, 4096, 16, kMany));
    CHECK(streams(RowFormat::f32, 512, 16, ~std::size_t{0}));
    CHECK_FALSE(streams(RowFormat::f32, 512, 16, kMany - 1));
    CHECK_FALSE(streams(RowFormat::f32, 511, 16, 2 * kMany));
    CHECK_FALSE(streams(RowFormat::f32, 4097, 16, kMany));
    CHECK_FALSE(streams(RowFormat::f32, 512, 17, kMany));
    CHECK_FALSE(streams(RowFormat::f32, 512, 16, kMany, kLarge));
    CHECK_FALSE(streams(RowFormat::f32, 512, 16, 2 * kMany, kSmall, OutputType::f16));
    CHECK(streams(RowFormat::int8, 512, 16, 2 * kMany));
    CHECK_FALSE(streams(RowFormat::int8, 512, 16, 2 * kMany - 2));
    CHECK_FALSE(streams(RowFormat::int8, 511, 16, 3 * kMany));
    CHECK_FALSE(streams(RowFormat::int4, 512, 16, 3 * kMany));
    CHECK_FALSE(streams(RowFormat::f16, 1024, 16, 3 * kMany));
}

TEST_CASE("results with others between them are streamed where L3 does not keep them, or a large L2") {
    constexpr pooling::Caches kLarge = {48 << 10, 1 << 20, 32 << 20}, kSmall = {32 << 10, 1 << 20, 32 << 20};
    constexpr pooling::Caches kLargeL2 = {48 << 10, 16 << 20, 128 << 20};
    constexpr std::size_t kColumns = 1000, kMany = (16 << 20) / (4 * kColumns);  // of all features; half of L3, or L2
    for (const pooling::Caches& caches : {kLarge, kSmall, kLargeL2}) {
        for (const std::size_t dim : {std::size_t{2}, std::size_t{32}, std::size_t{999}}) {
            const std::size_t gap = kColumns - dim;
            CHECK(streams(RowFormat::f32, dim, 1, kMany + 1, caches, OutputType::f32, gap));
            CHECK(streams(RowFormat::int4, dim, 64, 2 * kMany + 1, caches, OutputType::f16, gap));
            CHECK_FALSE(streams(RowFormat::f32, dim, 1, kMany, caches, OutputType::f32, gap));
            CHECK_FALSE(streams(RowFormat::f16, dim, 1, 2 * kMany, caches, OutputType::bf16, gap));
        }
        CHECK(streams(RowFormat::f32, 2, 1, ~std::size_t{0}, caches, OutputType::f32, ~std::size_t{0} / 4));
        CHECK_FALSE(streams(RowFormat::f32, 2, 1, ~std::size_t{0}, caches, OutputType::f32, ~std::size_t{0} - 1));  // 0
        CHECK_FALSE(streams(RowFormat::f32, 2, 1, 0, caches, OutputType::f32, std::size_t{1} << 62));
    }
}

/// Whether a stream suits them, from `offset` bytes after a line.
bool suits(std::size_t dim, std::size_t rows, std::size_t stride = 6400, OutputType type = OutputType::f32,
           std::size_t offset = 0, const pooling::Caches& caches = {48 << 10, 1 << 20, 32 << 20}) {
    kernels::PoolArgs args = fixed_bags(dim, rows, stride);
    alignas(64) static std::byte out[128];
    args.out = out + offset;
    args.out_type = type;
    return pooling::suits_stream(args, caches);
}

TEST_CASE("results are streamed of single rows, or else of several lines and of bags of not too many rows") {
    CHECK(suits(512, 1, 512));
    CHECK_FALSE(suits(512, 2, 512));
    CHECK(suits(4096, 1, 4096));
    CHECK_FALSE(suits(4097, 1, 4097));
    CHECK_FALSE(suits(4097, 1));
    CHECK_FALSE(suits(16, 1));
    CHECK(suits(32, 2));
    CHECK_FALSE(suits(32, 3));
    CHECK(suits(64, 4));
    CHECK_FALSE(suits(64, 5));
    CHECK(suits(64, 2, 6400, OutputType::f16));
    CHECK_FALSE(suits(32, 1, 6400, OutputType::f16));
    CHECK(suits(191, 11));
    CHECK_FALSE(suits(191, 12));
    CHECK(suits(192, 48));
    CHECK_FALSE(suits(192, 49));
    for (const bool is_whole : {true, false}) {
        CHECK(suits(64, 4, is_whole ? 6400 : 6401) == is_whole);
        CHECK(suits(is_whole ? 64 : 65, 4) == is_whole);
        CHECK(suits(64, 4, 6400, OutputType::f32, is_whole ? 0 : 4) == is_whole);
    }
    CHECK(suits(80, 5, 6401));
    CHECK_FALSE(suits(79, 5, 6401));
}

TEST_CASE("with a large second-level cache, results of more rows and of fewer lines are streamed") {
    const auto suits_large = [](std::size_t dim, std::size_t rows, std::size_t stride = 6400) {
        return suits(dim, rows, stride, OutputType::f32, 0, {48 << 10, 2 << 20, 105 << 20});
    };
    CHECK(suits_large(512, 1, 512));
    CHECK_FALSE(suits_large(512, 2, 512));
    CHECK(suits_large(32, 16));
    CHECK_FALSE(suits_large(32, 17));
    CHECK_FALSE(suits_large(16, 1));
    CHECK(suits_large(192, 96));
    CHECK_FALSE(suits_large(192, 97));
    CHECK(suits_large(48, 4, 6401));
    CHECK_FALSE(suits_large(47, 4, 6401));
}

}  // namespace
}  // namespace rowpool::test
