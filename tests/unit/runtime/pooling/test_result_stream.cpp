// Results that are written past the caches: all of them, where they belong, and nothing else.
#include "pooling/result_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cpu/dispatch.hpp"
#include "pooling/plan.hpp"
#include "pooling/slice.hpp"
#include "rowpool/pool.hpp"
#include "tests/support/generators.hpp"
#include "tests/support/guarded_buffer.hpp"
#include "tests/support/random.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using pooling::ResultStream;

constexpr std::byte kSentry{0xab};

bool are_calls_right = true;  // those of copy_lines()

/// What a kernel table's function does.
void copy_lines(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    are_calls_right = are_calls_right && reinterpret_cast<std::uintptr_t>(to) % 64 == 0 && bytes % 64 == 0;
    std::memcpy(to, from, bytes);
}

std::vector<kernels::StreamFn> stream_functions() {
    std::vector<kernels::StreamFn> functions = {copy_lines};
    if (cpu::active_kernels()->stream_lines != nullptr) functions.push_back(cpu::active_kernels()->stream_lines);
    return functions;
}

/// Whether `count` rows of random bytes arrive behind `before` bytes that are not theirs, written in random portions.
bool arrive(Random& random, kernels::StreamFn stream_lines, std::size_t before, std::size_t row_bytes,
            std::size_t count) {
    std::vector<std::byte> expected(before, kSentry);
    const GuardedBuffer buffer(before + row_bytes * count);
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    {
        ResultStream stream(stream_lines, buffer.data() + before, row_bytes);
        for (std::size_t row = 0; row < count;) {
            const std::size_t portion = 1 + random.below(std::min(stream.capacity(), count - row));
            for (std::size_t r = 0; r < portion; ++r) {
                std::byte* const place = stream.rows() + r * stream.stride();
                for (std::size_t i = 0; i < row_bytes; ++i) place[i] = static_cast<std::byte>(random.below(256));
                expected.insert(expected.end(), place, place + row_bytes);
            }
            stream.write(portion);
            row += portion;
        }
    }
    return std::memcmp(buffer.data(), expected.data(), expected.size()) == 0;
}

TEST_CASE("rows of any size arrive at any address, and nothing beside them is written") {
    Random random(41);
    for (const kernels::StreamFn stream_lines : stream_functions()) {
        for (std::size_t row_bytes = ResultStream::kLeast; row_bytes <= 3 * 64 + 1; ++row_bytes) {
            for (std::size_t count = 1; count <= 5; ++count) {
                CHECK(arrive(random, stream_lines, random.below(130), row_bytes, count));
            }
        }
        for (int i = 0; i < 100; ++i) {
            const std::size_t row_bytes = ResultStream::kLeast + random.below(5000);
            CHECK(arrive(random, stream_lines, random.below(130), row_bytes, 1 + random.below(60)));
        }
        CHECK(arrive(random, stream_lines, 4, ResultStream::kMost, 3));
        CHECK(arrive(random, stream_lines, 0, ResultStream::kMost - 4, 3));
    }
    CHECK(are_calls_right);
}

TEST_CASE("a stream of no rows writes nothing") {
    GuardedBuffer buffer(10);
    std::memset(buffer.data(), static_cast<int>(kSentry), 10);
    { ResultStream stream(copy_lines, buffer.data() + 3, 64); }
    for (const std::byte byte : buffer.bytes()) CHECK(byte == kSentry);
}

/// The results of the bags from `first` on, those before being sentries.
std::vector<std::byte> pooled(const Table& table, const Bags& bags, const PoolOptions& options, std::size_t first,
                              bool streams) {
    const GuardedBuffer buffer(bags.num_bags() * table.dim() * sizeof(float));
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    const Output out(std::span<float>(reinterpret_cast<float*>(buffer.data()), buffer.size() / sizeof(float)));
    pooling::FeaturePlan feature;
    pooling::Plan plan;
    REQUIRE(pooling::plan_call(table, bags, options, out, feature, plan));
    CHECK_FALSE(plan.streams);  // few results
    plan.streams = streams && plan.kernels->stream_lines != nullptr;
    pooling::run_slice(plan, {0, first, first}, pooling::end_of(plan));
    return {buffer.data(), buffer.data() + buffer.size()};
}

TEST_CASE("streamed results are those of other calls, bit by bit") {
    constexpr std::size_t kRows = 20, kDims[] = {16, 17, 40, 300, 512, 1000, 1091, 4000};
    Random random(42);
    for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::int8, RowFormat::int4}) {
        for (const std::size_t dim : kDims) {
            const MadeTable made = make_table(random, format, kRows, dim, 0, Values::hostile);
            const Table table = table_of(made);
            const std::size_t count = 1 + random.below(100);
            std::vector<std::int64_t> ids(count);
            for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random.below(kRows));
            const std::vector<float> weights = make_weights(random, count);
            for (const Pooling mode : {Pooling::none, Pooling::sum, Pooling::mean, Pooling::max}) {
                for (const bool is_weighted : {false, true}) {
                    if (is_weighted && mode != Pooling::sum) continue;
                    PoolOptions options = {.mode = mode};
                    if (mode == Pooling::sum && random.below(2) == 0) options.padding_index = PaddingIndex(3);
                    Bags bags = Bags::fixed(ids, count, 1);
                    if (is_weighted) bags = Bags::fixed(ids, count, 1, weights);
                    const std::size_t first = random.below(count);
                    CHECK((pooled(table, bags, options, first, true) == pooled(table, bags, options, first, false)));
                }
            }
        }
    }
}

}  // namespace
}  // namespace rowpool::test
