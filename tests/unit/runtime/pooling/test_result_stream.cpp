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
#include "pooling/model.hpp"
#include "pooling/plan.hpp"
#include "pooling/prefetch.hpp"
#include "pooling/slice.hpp"
#include "rowpool/engine.hpp"
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

// The calls of copy_rows(): how many, and whether all were as they must be.
int calls = 0;
bool are_calls_right = true;

/// What a kernel table's function does.
void copy_rows(std::byte* to, std::size_t to_stride, const std::byte* from, std::size_t from_stride, std::size_t bytes,
               std::size_t count) noexcept {
    ++calls;
    are_calls_right = are_calls_right && reinterpret_cast<std::uintptr_t>(from) % 64 == 0 && from_stride % 64 == 0 &&
                      bytes % 2 == 0 && bytes >= 64;
    for (std::size_t row = 0; row < count; ++row) std::memcpy(to + row * to_stride, from + row * from_stride, bytes);
}

std::vector<kernels::StreamFn> stream_functions() {
    std::vector<kernels::StreamFn> functions = {copy_rows};
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        if (kernels->stream_rows != nullptr) functions.push_back(kernels->stream_rows);
    }
    return functions;
}

/// Rows of so many bytes, with others between them that are not theirs, in a buffer whose end or beginning is that of a
/// page.
struct Place {
    std::size_t before;
    std::size_t row_bytes;
    std::size_t gap;  // between rows
    std::size_t count;
    Guard guard = Guard::after;
};

/// Whether rows of random bytes arrive where they belong, written in random portions.
bool arrive(Random& random, kernels::StreamFn stream_rows, const Place& place) {
    const std::size_t stride = place.row_bytes + place.gap;
    const GuardedBuffer buffer(place.before + stride * place.count - place.gap, place.guard);
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    Bytes expected(buffer.size(), kSentry);
    std::byte* next = expected.data() + place.before;
    {
        ResultStream stream(stream_rows, buffer.data() + place.before, stride, place.row_bytes);
        for (std::size_t row = 0; row < place.count;) {
            const std::size_t portion = 1 + random.below(std::min(stream.capacity(), place.count - row));
            stream.expect(portion);
            for (std::size_t r = 0; r < portion; ++r, ++row) {
                std::byte* const to = stream.rows() + r * stream.stride();
                for (std::size_t i = 0; i < place.row_bytes; ++i) to[i] = static_cast<std::byte>(random.below(256));
                std::memcpy(next, to, place.row_bytes);
                if (row + 1 < place.count) next += stride;
            }
            stream.write(portion);
        }
    }
    return std::memcmp(buffer.data(), expected.data(), expected.size()) == 0;
}

TEST_CASE("rows of any even size arrive at any even address, and nothing beside them is written") {
    Random random(41);
    for (const kernels::StreamFn stream_rows : stream_functions()) {
        for (std::size_t row_bytes = ResultStream::kLeast; row_bytes <= 3 * 64 + 2; row_bytes += 2) {
            for (std::size_t count = 1; count <= 5; ++count) {
                const std::size_t gap = 2 * random.below(2) * random.below(100);
                CHECK(arrive(random, stream_rows, {2 * random.below(65), row_bytes, gap, count}));
                CHECK(arrive(random, stream_rows, {0, row_bytes, gap, count, Guard::before}));
            }
        }
        for (int i = 0; i < 100; ++i) {
            const std::size_t row_bytes = ResultStream::kLeast + 2 * random.below(2500);
            const std::size_t gap = 2 * random.below(2) * random.below(200);
            CHECK(arrive(random, stream_rows, {2 * random.below(65), row_bytes, gap, 1 + random.below(60)}));
        }
        for (const Guard guard : {Guard::after, Guard::before}) {
            CHECK(arrive(random, stream_rows, {4, ResultStream::kMost, 8, 3, guard}));
            CHECK(arrive(random, stream_rows, {0, ResultStream::kMost - 4, 0, 3, guard}));
        }
    }
    CHECK(are_calls_right);
}

TEST_CASE("a stream of no rows writes nothing") {
    const GuardedBuffer buffer(10);
    std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
    { ResultStream stream(copy_rows, buffer.data() + 2, 64, 64); }
    for (const std::byte byte : buffer.bytes()) CHECK(byte == kSentry);
}

/// A call, and what it wrote. The table and the buffers of the bags must outlive it.
struct Call {
    /// Results are `gap` elements apart.
    Call(const Table& table, const Bags& bags, const PoolOptions& options, OutputType type, std::size_t gap = 0)
        : buffer(bags.num_bags() * (table.dim() + gap) * (type == OutputType::f32 ? 4 : 2)),
          kernels(*cpu::active_kernels()) {
        std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
        const std::size_t numbers = bags.num_bags() * (table.dim() + gap);
        Output out(std::span<float>{});
        if (type == OutputType::f32) out = std::span<float>(reinterpret_cast<float*>(buffer.data()), numbers);
        if (type == OutputType::f16) out = std::span<Float16>(reinterpret_cast<Float16*>(buffer.data()), numbers);
        const Output rows = out.columns(table.dim() + gap, 0);
        REQUIRE(pooling::plan_call(table, bags, options, rows, feature, plan));
        plan.kernels = &kernels;
        plan.streams = false;
    }

    /// From here on, results are streamed that suit a stream.
    void stream() {
        kernels.stream_rows = copy_rows;
        plan.streams = true;
    }
    /// Pools the bags from `first` on before `last`: all, or some of bags that have one index each.
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

/// Features of all kinds, and bags for them that have no, few or many rows.
struct RandomRequest {
    /// Where `is_whole`, rows of results can be whole cache lines.
    RandomRequest(Random& random, bool is_whole) : batch(1 + random.below(80)), kernels(*cpu::active_kernels()) {
        const std::size_t count = 2 + random.below(4);
        for (std::size_t f = 0; f < count; ++f) {
            const std::size_t dim = is_whole ? 16 * (1 + random.below(20)) : 16 + random.below(300);
            made.push_back(make_table(random, random.pick(kFormats), 20, dim, 0, Values::hostile));
            if (random.below(4) == 0) add_remap(random, 30, false, made.back());
        }
        for (const MadeTable& table : made) tables.push_back(table_of(table));
        for (const Table& table : tables) add_feature(random, table);
        if (random.below(2) == 0) weights = make_weights(random, indices.size());
        has_wide_offsets = random.below(2) == 0;
        if (kernels.stream_rows == nullptr || random.below(2) == 0) kernels.stream_rows = copy_rows;
    }

    /// What run_slice() writes, in slices that are cut at these parts of the cost.
    Bytes answer(bool streams, OutputType type, std::size_t column, std::size_t stride, std::span<const double> cuts) {
        const std::size_t count = column + (batch - 1) * stride + columns;  // elements
        const GuardedBuffer buffer(count * (type == OutputType::f32 ? 4 : 2));
        std::memset(buffer.data(), static_cast<int>(kSentry), buffer.size());
        Output out(std::span<float>(reinterpret_cast<float*>(buffer.data()), count), stride, column);
        if (type == OutputType::f16) {
            out = Output(std::span<Float16>(reinterpret_cast<Float16*>(buffer.data()), count), stride, column);
        } else if (type == OutputType::bf16) {
            out = Output(std::span<BFloat16>(reinterpret_cast<BFloat16*>(buffer.data()), count), stride, column);
        }
        const std::vector<std::int32_t> narrow_offsets = as<std::int32_t>(offsets);
        const Request request =
            has_wide_offsets ? Request{indices, offsets, weights} : Request{indices, narrow_offsets, weights};
        pooling::Plan plan;
        REQUIRE(pooling::plan_request(features, columns, false, request, out, {}, plan));
        plan.kernels = &kernels;
        plan.streams = streams;
        const auto cost = static_cast<double>(pooling::cost_of(plan));
        pooling::BagBoundary from = pooling::begin_of(plan);
        for (const double cut : cuts) {
            const pooling::BagBoundary to = pooling::boundary_at(plan, static_cast<std::size_t>(cut * cost), from);
            pooling::run_slice(plan, from, to);
            from = to;
        }
        pooling::run_slice(plan, from, pooling::end_of(plan));
        return {buffer.data(), buffer.data() + buffer.size()};
    }

    static constexpr RowFormat kFormats[] = {RowFormat::f32, RowFormat::f16, RowFormat::bf16, RowFormat::int8,
                                             RowFormat::int4};
    std::size_t batch;
    std::size_t columns = 0;  // of all features
    kernels::KernelTable kernels;
    std::vector<MadeTable> made;
    std::vector<Table> tables;
    std::vector<pooling::FeaturePlan> features;
    std::vector<std::int64_t> indices, offsets = {0};
    std::vector<float> weights;
    bool has_wide_offsets;

private:
    void add_feature(Random& random, const Table& table) {
        static constexpr Pooling kModes[] = {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max};
        PoolOptions options = {.mode = random.pick(kModes), .on_bad_index = OnBadIndex::skip};
        if (features.empty()) options.mode = Pooling::sum;  // one takes weights
        if (random.below(3) == 0) options.padding_index = 2;
        pooling::FeaturePlan& feature = features.emplace_back();
        REQUIRE(pooling::plan_feature(table, options, pooling::bytes_behind(table), feature));
        feature.column = columns;
        columns += table.dim();
        std::vector<std::size_t> lengths(batch, 1 + random.below(2));  // equal ones, or random ones
        if (random.below(2) == 0) {
            const std::size_t most = random.below(2) == 0 ? 4 : 40;
            for (std::size_t& length : lengths) length = random.below(most);
        }
        const ReferenceBags bags = make_bags(random, lengths, table.num_ids(), random.below(2) * 20);
        for (std::size_t b = 1; b <= batch; ++b) {
            offsets.push_back(static_cast<std::int64_t>(indices.size() + bags.offsets[b]));
        }
        indices.insert(indices.end(), bags.indices.begin(), bags.indices.end());
    }
};

TEST_CASE("streamed results of requests are those of others, bit by bit, whatever the features and the slices") {
    static constexpr OutputType kTypes[] = {OutputType::f32, OutputType::f32, OutputType::f16, OutputType::bf16};
    Random random(43);
    const int calls_before = calls;
    for (int i = 0; i < 300; ++i) {
        const bool is_whole = random.below(2) == 0;
        RandomRequest request(random, is_whole);
        const OutputType type = random.pick(kTypes);
        const std::size_t step = is_whole ? 32 : 1;  // columns
        const std::size_t column = step * random.below(3);
        const std::size_t stride = (column + request.columns + step - 1) / step * step + step * random.below(3);
        const double cuts[] = {random.uniform(0, 0.5f), random.uniform(0.5f, 1)};
        const Bytes usual = request.answer(false, type, column, stride, {});
        CHECK(request.answer(true, type, column, stride, {}) == usual);
        CHECK(request.answer(true, type, column, stride, cuts) == usual);
    }
    CHECK(calls > calls_before + 1000);
    CHECK(are_calls_right);
}

TEST_CASE("a request with many results is answered as its features alone, on any number of threads") {
    constexpr std::size_t kDims[] = {64, 100, 32}, kColumns = 64 + 100 + 32, kRows = 50;
    const pooling::Caches& caches = pooling::own_caches();
    const std::size_t kept = std::max(caches.second_level, caches.third_level / 2);
    const std::size_t batch = kept / (kColumns * sizeof(float)) + 1;
    Random random(44);
    std::vector<MadeTable> made;
    for (const std::size_t dim : kDims) {
        made.push_back(make_table(random, RowFormat::int8, kRows, dim, 0, Values::tame));
    }
    std::vector<Feature> features;
    for (const MadeTable& table : made) features.push_back({table_of(table), {.mode = Pooling::sum}});
    const Result<Model> model = Model::create(features);
    REQUIRE(model);
    pooling::Plan plan;
    std::vector<std::int32_t> indices(batch * std::size(kDims)), offsets(indices.size() + 1);
    for (std::int32_t& index : indices) index = static_cast<std::int32_t>(random.below(kRows));
    for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::int32_t>(i);
    std::vector<float> place(batch * kColumns);
    REQUIRE(pooling::plan_request(pooling::contents_of(*model).plans, kColumns, false, {indices, offsets}, place, {},
                                  plan));
    CHECK(plan.streams == (plan.kernels->stream_rows != nullptr));
    for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
        const Engine engine({.threads = threads});
        std::vector<float> out(batch * kColumns, -1.0f);
        REQUIRE(engine.pool(*model, {indices, offsets}, out));
        for (std::size_t f = 0; f < features.size(); ++f) {
            const std::span<const std::int32_t> own(indices.data() + f * batch, batch);
            std::vector<float> alone(batch * kDims[f]);
            REQUIRE(pool(features[f].table, Bags::fixed(own, batch, 1), features[f].options, alone));
            bool are_equal = true;
            for (std::size_t b = 0; b < batch; ++b) {
                are_equal =
                    are_equal && std::equal(alone.begin() + static_cast<std::ptrdiff_t>(b * kDims[f]),
                                            alone.begin() + static_cast<std::ptrdiff_t>((b + 1) * kDims[f]),
                                            out.begin() + static_cast<std::ptrdiff_t>(b * kColumns + model->column(f)));
            }
            CHECK(are_equal);
        }
    }
}

TEST_CASE("streamed results of bags by their lengths are those of others, bit by bit") {
    Random random(45);
    for (int i = 0; i < 40; ++i) {
        const MadeTable made = make_table(random, RowFormat::int8, 20, 192 + random.below(200), 0, Values::tame);
        const Table table = table_of(made);
        std::vector<std::int64_t> ids, lengths(1 + random.below(60));
        for (std::int64_t& length : lengths) {
            length = static_cast<std::int64_t>(random.below(5));
            for (std::int64_t n = 0; n < length; ++n) ids.push_back(static_cast<std::int64_t>(random.below(20)));
        }
        const PoolOptions options = {.mode = Pooling::sum};
        const std::size_t gap = 1 + random.below(100);
        Call usual(table, Bags::lengths(ids, lengths), options, OutputType::f32, gap);
        Call streamed(table, Bags::lengths(ids, lengths), options, OutputType::f32, gap);
        streamed.stream();
        const int calls_before = calls;
        for (Call* const call : {&usual, &streamed}) call->run(0, lengths.size());
        CHECK(streamed.bytes() == usual.bytes());
        CHECK(calls > calls_before);
    }
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
        CHECK(plan.streams == (should && cpu::active_kernels()->stream_rows != nullptr));
        REQUIRE(pool(table, Bags::rows(ids), {.mode = Pooling::none}, std::span(out).first(count * kDim)));
        CHECK(std::count(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count * kDim), 1.0f) ==
              static_cast<std::ptrdiff_t>(count * kDim));
    }
}

}  // namespace
}  // namespace rowpool::test
