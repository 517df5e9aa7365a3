// Which kernel a call gets, by the width of its rows and the length of its bags.
#include <doctest/doctest.h>

#include <cstddef>

#include "kernels/kernel_table.hpp"

namespace rowpool::test {
namespace {

TEST_CASE("short bags are read side by side where that is faster than block by block") {
    using kernels::Codec;
    constexpr std::size_t kNear = 64, kMemory = 256, kNever = ~std::size_t{0};
    kernels::PoolArgs args = {};
    const auto most = [&](Codec codec, std::size_t block, std::size_t least_run) {
        args.least_run = least_run;
        return kernels::most_at_once(codec, block, args);
    };
    CHECK(most(Codec::int8_f32, (99 + 8) * 112 / 99, kNear) == 8);  // AVX2
    CHECK(most(Codec::f16, 96, kMemory) == 8);
    CHECK(most(Codec::f16, 192, kNear) == 4);
    CHECK(most(Codec::f16, 192, kMemory) == 8);
    CHECK(most(Codec::f16, 448, kNear) == 4);
    CHECK(most(Codec::f16, 448, kMemory) == 0);
    CHECK(most(Codec::f16, 896, kNear) == 0);
    CHECK(most(Codec::f32, 1792, kMemory) == 0);
    CHECK(most(Codec::f32, 1792, kNear) == 4);
    CHECK(most(Codec::f32, 1792, 0) == 4);
    CHECK(most(Codec::int8_f32, 450, kNear) == 4);  // AVX-512
    CHECK(most(Codec::int8_f32, 450, kMemory) == 8);
    CHECK(most(Codec::int4, 224, kNear) == 8);
    CHECK(most(Codec::int2, 112, 0) == 8);
    args.has_small_l1 = true;
    CHECK(most(Codec::f16, 448, kNever) == 8);
    CHECK(most(Codec::f16, 896, kNever) == 4);
    CHECK(most(Codec::f32, 1792, kNever) == 4);
    CHECK(most(Codec::bf16, 896, 0) == 4);
    CHECK(most(Codec::f16, 224, 0) == 5);
    CHECK(most(Codec::f16, 224, 1) == 8);
    CHECK(most(Codec::bf16, 896, 1) == 4);
    CHECK(most(Codec::f32, 448, 1) == 4);
    CHECK(most(Codec::int8_f32, 450, 0) == 8);
    for (const bool has_small_l1 : {false, true}) {  // results afar
        args.has_small_l1 = has_small_l1;
        args.results_ahead = 4096;
        CHECK(most(Codec::f16, 224, 0) == 8);
        CHECK(most(Codec::f16, 896, kMemory) == 4);
        CHECK(most(Codec::f32, 448, kMemory) == 8);
        CHECK(most(Codec::int8_f32, 450, kNear) == 8);
    }
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
    CHECK(are_short(kF32, 393, 1572, 40));
    const float weight = 1;
    args.weights = &weight;
    CHECK(!are_short(kF32, 393, 1572, 40));  // divided by the weights' sum
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

}  // namespace
}  // namespace rowpool::test
