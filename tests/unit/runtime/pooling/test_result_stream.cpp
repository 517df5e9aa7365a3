// Results that are written past the caches: all of them, where they belong, and nothing else.
#include "pooling/result_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "cpu/dispatch.hpp"
#include "pooling/plan.hpp"
#include "pooling/prefetch.hpp"
#include "pooling/slice.hpp"
#include "rowpool/pool.hpp"
#include "tests/support/generators.hpp"
#include "tests/support/guarded_buffer.hpp"
#include "tests/support/random.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using pooling::ResultStream;
using Bytes = std::vector<std::byte>;

constexpr std::byte kSentry{0xab};

// The calls of copy_lines(): how many, and whether all were as they must be.
int calls = 0;
bool are_calls_right = true;

/// What a kernel table's function does.
void copy_lines(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    ++calls;
    are_calls_right = are_calls_right && reinterpret_cast<std::uintptr_t>(to) % 64 == 0 && bytes % 64 == 0;
    std::memcpy(to, from, bytes);
}

std::vector<kernels::StreamFn> stream_functions() {
    std::vector<kernels::StreamFn> functions = {copy_lines};
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        if (kernels->stream_lines != nullptr) functions.push_back(kernels->stream_lines);
    }
    return functions;
}

/// Rows of so many bytes between others that are not theirs, in a buffer whose end or beginning is that of a page.
struct Place {
    std::size_t before;
    std::size_t row_bytes;
    std::size_t count;
    std::size_t after;
    Guard guard = Guard::after;
};

/// Whether rows of random bytes arrive where they belong, written in random portions.
bool arrive(Random& random, kernels::StreamFn stream_lines, const Place& place) {
    Bytes expected(place.before, kSentry);
    const GuardedBuffer buffer(place.before + place.row_bytes * place.count + place.after, place.guard);
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    {
        ResultStream stream(stream_lines, buffer.data() + place.before, place.row_bytes);
        for (std::size_t row = 0; row < place.count;) {
            const std::size_t portion = 1 + random.below(std::min(stream.capacity(), place.count - row));
            for (std::size_t r = 0; r < portion; ++r) {
                std::byte* const to = stream.rows() + r * stream.stride();
                for (std::size_t i = 0; i < place.row_bytes; ++i) to[i] = static_cast<std::byte>(random.below(256));
                expected.insert(expected.end(), to, to + place.row_bytes);
            }
            stream.write(portion);
            row += portion;
        }
    }
    expected.resize(buffer.size(), kSentry);
    return std::memcmp(buffer.data(), expected.data(), expected.size()) == 0;
}

TEST_CASE("rows of any size arrive at any address, and nothing beside them is written") {
    Random random(41);
    for (const kernels::StreamFn stream_lines : stream_functions()) {
        for (std::size_t row_bytes = ResultStream::kLeast; row_bytes <= 3 * 64 + 1; ++row_bytes) {
            for (std::size_t count = 1; count <= 5; ++count) {
                CHECK(arrive(random, stream_lines, {random.below(130), row_bytes, count, random.below(130)}));
                CHECK(arrive(random, stream_lines, {0, row_bytes, count, 0, Guard::before}));
            }
        }
        for (int i = 0; i < 100; ++i) {
            const std::size_t row_bytes = ResultStream::kLeast + random.below(5000);
            CHECK(arrive(random, stream_lines, {random.below(130), row_bytes, 1 + random.below(60), 0}));
        }
        for (const Guard guard : {Guard::after, Guard::before}) {
            CHECK(arrive(random, stream_lines, {4, ResultStream::kMost, 3, 8, guard}));
            CHECK(arrive(random, stream_lines, {0, ResultStream::kMost - 4, 3, 0, guard}));
        }
    }
    CHECK(are_calls_right);
}

TEST_CASE("a stream of no rows writes nothing") {
    const GuardedBuffer buffer(10);
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    { ResultStream stream(copy_lines, buffer.data() + 3, 64); }
    for (const std::byte byte : buffer.bytes()) CHECK(byte == kSentry);
}

/// A call, and what it wrote. The table and the buffers of the bags must outlive it.
struct Call {
    Call(const Table& table, const Bags& bags, const PoolOptions& options, OutputType type)
        : buffer(bags.num_bags() * table.dim() * (type == OutputType::f32 ? 4 : 2)), kernels(*cpu::active_kernels()) {
        std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
        const std::size_t numbers = bags.num_bags() * table.dim();
        Output out(std::span<float>{});
        if (type == OutputType::f32) out = std::span<float>(reinterpret_cast<float*>(buffer.data()), numbers);
        if (type == OutputType::f16) out = std::span<Float16>(reinterpret_cast<Float16*>(buffer.data()), numbers);
        REQUIRE(pooling::plan_call(table, bags, options, out, feature, plan));
        plan.kernels = &kernels;
        plan.streams = false;
    }

    /// From here on, results of single rows are streamed.
    void stream() {
        kernels.stream_lines = copy_lines;
        plan.streams = true;
    }
    /// Pools the bags from `first` on before `last`; each has one index.
    void run(std::size_t first, std::size_t last) {
        const auto boundary = [&](std::size_t bag) {
            return bag == plan.num_bags ? pooling::end_of(plan) : pooling::BagBoundary{0, bag, bag};
        };
        pooling::run_slice(plan, boundary(first), boundary(last));
    }
    Bytes bytes() const { return {buffer.data(), buffer.data() + buffer.size()}; }

    GuardedBuffer buffer;
    kernels::KernelTable kernels;
    pooling::FeaturePlan feature;
    pooling::Plan plan;
};

TEST_CASE("streamed results are those of other calls, bit by bit, whatever the slices and their order") {
    constexpr std::size_t kRows = 20, kDims[] = {32, 33, 40, 300, 512, 1000, 1091, 4096};
    constexpr RowFormat kFormats[] = {RowFormat::f32, RowFormat::f16, RowFormat::bf16, RowFormat::int8,
                                      RowFormat::int4};
    Random random(42);
    for (const RowFormat format : kFormats) {
        for (const std::size_t dim : kDims) {
            MadeTable made = make_table(random, format, kRows, dim, 0, Values::hostile);
            if (random.below(3) == 0) add_remap(random, kRows, false, made);
            const Table table = table_of(made);
            const std::size_t count = 3 + random.below(60);
            std::vector<std::int64_t> ids(count), lengths(count, 1);
            for (std::int64_t& id : ids) id = static_cast<std::int64_t>(random.below(kRows));
            const std::vector<float> weights = make_weights(random, count);
            for (const Pooling mode : {Pooling::none, Pooling::sum, Pooling::mean, Pooling::max}) {
                PoolOptions options = {.mode = mode};
                if (mode != Pooling::none && random.below(2) == 0) options.padding_index = PaddingIndex(3);
                if (random.below(3) == 0) {
                    options.on_bad_index = OnBadIndex::skip;
                    ids[random.below(count)] = -5;
                }
                const bool is_weighted = mode == Pooling::sum && random.below(2) == 0;
                const std::span<const float> own_weights = is_weighted ? weights : std::span<const float>();
                const bool is_fixed = mode == Pooling::none || random.below(2) == 0;
                const Bags bags =
                    is_fixed ? Bags::fixed(ids, count, 1, own_weights) : Bags::lengths(ids, lengths, own_weights);
                const OutputType type = random.below(4) == 0 ? OutputType::f16 : OutputType::f32;
                Call usual(table, bags, options, type), streamed(table, bags, options, type);
                streamed.stream();
                const int calls_before = calls;
                const std::size_t first = random.below(count), second = first + random.below(count - first);
                for (Call* const call : {&usual, &streamed}) {
                    call->run(first, second);
                    const Bytes written = call->bytes();
                    const auto sentries = std::count(written.end() - 64, written.end(), kSentry);
                    if (second < count) CHECK(sentries == 64);  // the last row is not written
                }
                CHECK(streamed.bytes() == usual.bytes());
                for (Call* const call : {&usual, &streamed}) {
                    call->run(second, count);
                    call->run(0, first);
                }
                CHECK(streamed.bytes() == usual.bytes());
                CHECK(calls > calls_before);
                ids.assign(count, 7);
            }
        }
    }
    CHECK(are_calls_right);
}

TEST_CASE("means by weights, which are no copies of rows, are not streamed") {
    const std::vector<float> values(512 * 4, 1.0f), weights(4, 2.0f);
    const std::vector<std::int64_t> ids = {0, 1, 2, 3};
    const Table table = f32_table(values, 512);
    Call call(table, Bags::fixed(ids, 4, 1, weights), {.mode = Pooling::mean}, OutputType::f32);
    call.stream();
    const int calls_before = calls;
    call.run(0, 4);
    CHECK(calls == calls_before);
}

TEST_CASE("calls with many results stream them if the rule says so") {
    constexpr std::size_t kDim = 1024;
    const std::vector<float> values(kDim * 2, 1.0f);
    const Table table = f32_table(values, kDim);
    const std::size_t many = pooling::own_caches().third_level / (kDim * sizeof(float)) + 1;
    std::vector<float> out(many * kDim);
    for (const std::size_t count : {std::size_t{1}, many}) {
        const std::vector<std::int64_t> ids(count, 1);
        pooling::FeaturePlan feature;
        pooling::Plan plan;
        REQUIRE(pooling::plan_call(table, Bags::rows(ids), {.mode = Pooling::none}, std::span(out).first(count * kDim),
                                   feature, plan));
        const bool should = pooling::streams_results(table, OutputType::f32, count, kDim);
        CHECK(plan.streams == (should && cpu::active_kernels()->stream_lines != nullptr));
        REQUIRE(pool(table, Bags::rows(ids), {.mode = Pooling::none}, std::span(out).first(count * kDim)));
        CHECK(std::count(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count * kDim), 1.0f) ==
              static_cast<std::ptrdiff_t>(count * kDim));
    }
}

}  // namespace
}  // namespace rowpool::test
