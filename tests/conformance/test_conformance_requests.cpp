// What FBGEMM's table batched embeddings and TorchRec's modules do with a request, as numbered cases: 62 to 85.
//
// Left out: 67 to 69 (indices and offsets are never repaired), 76 (no raw rows as output), 77 (no index remapping), 81
// (no FP8), 83 and 84 (no sharding). 78 for instruction sets and 79 for every kernel are in test_kernels.cpp.
#include <doctest/doctest.h>

#include <sys/mman.h>

#include <bit>
#include <cmath>
#include <limits>

#include "rowpool/engine.hpp"
#include "tests/support/guarded_buffer.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Floats kNarrow = {1, 2, 3, 4, 5, 6};
const Floats kWide = {10, 20, 30, 40, 50, 60};
/// FBGEMM skips -1, and its mean divides by the length of the bag.
constexpr PoolOptions kTbeMean = {
    .mode = Pooling::mean, .on_bad_index = OnBadIndex::skip, .divisor = Divisor::bag_length};
constexpr PoolOptions kTbeSum = {.mode = Pooling::sum, .on_bad_index = OnBadIndex::skip};

Model model_of(std::vector<Feature> features) {
    Result<Model> model = Model::create(std::move(features));
    REQUIRE(model);
    return *std::move(model);
}

/// The two tables of cases 62 to 66.
Model two_tables(const PoolOptions& options) {
    return model_of({{f32_table(kNarrow, 2, "t0"), options}, {f32_table(kWide, 3, "t1"), options}});
}

Floats pooled(const Model& model, const Request& request) {
    const std::size_t batch = (request.offsets.size() - 1) / model.features().size();
    Floats out(batch * model.total_dim(), NAN);
    const Engine engine({.threads = 2});
    const PoolStatus status = engine.pool(model, request, out);
    REQUIRE_MESSAGE(bool(status), status.message());
    return out;
}

PoolFault fault(const Model& model, const Request& request) {
    Floats out(100, -99.0f);
    const PoolStatus status = Engine({.threads = 1}).pool(model, request, out);
    CHECK(out == Floats(100, -99.0f));
    return status.fault;
}

TEST_CASE("conformance 62: two tables, sum") {
    CHECK(pooled(two_tables(kTbeSum), {Ids{0, 2, 1, 0, 1}, Ids{0, 2, 2, 3, 5}}) ==
          Floats{6, 8, 40, 50, 60, 0, 0, 50, 70, 90});
}

TEST_CASE("conformance 63: two tables, mean") {
    CHECK(pooled(two_tables(kTbeMean), {Ids{0, 2, 1, 0, 1}, Ids{0, 2, 2, 3, 5}}) ==
          Floats{3, 4, 40, 50, 60, 0, 0, 25, 35, 45});
}

TEST_CASE("conformance 64: a skipped index counts in the divisor") {
    const Table table = f32_table(kNarrow, 2);
    CHECK(pooled(model_of({{table, kTbeMean}}), {Ids{0, -1}, Ids{0, 2}}) == Floats{0.5f, 1});
    CHECK(pooled(model_of({{table, kTbeSum}}), {Ids{0, -1}, Ids{0, 2}}) == Floats{1, 2});
}

TEST_CASE("conformance 65: a weighted mean that divides by the length of the bag") {
    const Floats weights = {2, 4};
    CHECK(pooled(model_of({{f32_table(kNarrow, 2), kTbeMean}}), {Ids{0, 2}, Ids{0, 2}, weights}) == Floats{11, 14});
}

TEST_CASE("conformance 66: bags of nothing but -1 in every row format") {
    Random random(66);
    for (const RowFormat format : all_row_formats()) {
        const MadeTable made = make_table(random, format, 3, 5, 0, Values::tame);
        for (const PoolOptions& options : {kTbeSum, kTbeMean}) {
            CHECK(pooled(model_of({{table_of(made), options}}), {Ids{-1, -1, -1}, Ids{0, 3}}) == Floats(5, 0.0f));
        }
    }
}

TEST_CASE("conformance 70: sizes that do not fit each other") {
    const Model model = two_tables(kTbeSum);
    const Floats weights(6, 1.0f);
    CHECK(fault(model, {Ids{0, 2, 1, 0, 1}, Ids{0, 2, 3, 5}}) == PoolFault::batch_shape);
    CHECK(fault(model, {Ids{0, 2, 1, 0, 1}, Ids{0, 2, 2, 3, 5}, weights}) == PoolFault::weights_size);
}

TEST_CASE("conformance 71: the caller's indices and offsets stay as they are") {
    const Ids indices = {0, 2, 1, 0, 1};
    const Ids offsets = {0, 2, 2, 3, 5};
    Ids given_indices = indices, given_offsets = offsets;
    pooled(two_tables(kTbeSum), {given_indices, given_offsets});
    CHECK(given_indices == indices);
    CHECK(given_offsets == offsets);
}

TEST_CASE("conformance 72: features that share tables") {
    Random random(72);
    const MadeTable made[] = {make_table(random, RowFormat::f32, 100, 4, 0, Values::tame),
                              make_table(random, RowFormat::int8, 200, 4, 0, Values::tame),
                              make_table(random, RowFormat::f16, 300, 4, 0, Values::tame)};
    const std::size_t feature_table_map[] = {2, 1, 0, 0, 2};
    constexpr std::size_t kBatch = 3;
    std::vector<Feature> features;
    Ids indices, offsets = {0};
    for (const std::size_t t : feature_table_map) {
        features.push_back({table_of(made[t]), {.mode = Pooling::mean}});
        for (std::size_t b = 0; b < kBatch; ++b) {
            indices.push_back(static_cast<std::int64_t>(made[t].rows - 1));
            indices.push_back(static_cast<std::int64_t>(random.below(made[t].rows)));
            offsets.push_back(static_cast<std::int64_t>(indices.size()));
        }
    }
    const Floats out = pooled(model_of(features), {indices, offsets});
    for (std::size_t f = 0; f < features.size(); ++f) {
        const Ids own(indices.begin() + static_cast<std::ptrdiff_t>(f * kBatch * 2),
                      indices.begin() + static_cast<std::ptrdiff_t>((f + 1) * kBatch * 2));
        const Floats expected = test::pooled(features[f].table, Bags::fixed(own, kBatch, 2), features[f].options);
        for (std::size_t i = 0; i < kBatch * 4; ++i) CHECK(out[i / 4 * 20 + f * 4 + i % 4] == expected[i]);
    }
}

TEST_CASE("conformance 73: features of different dims overwrite the whole output") {
    const Floats ones(5 * 40, 1.0f);
    std::vector<Feature> features;
    for (const std::size_t dim : {std::size_t{16}, std::size_t{24}, std::size_t{40}}) {
        const auto bytes = std::as_bytes(std::span(ones)).first(5 * dim * sizeof(float));
        features.push_back({view("ones", {.format = RowFormat::f32, .rows = 5, .dim = dim}, bytes), kTbeSum});
    }
    const Ids indices = {0, 1, -1, 4, -1, -1, 2, 2, 2, 3};
    const Ids offsets = {0, 4, 4, 6, 7, 7, 10};
    Floats expected;
    for (const auto& [dim, count] : {std::pair{16, 3}, {24, 0}, {40, 0}, {16, 0}, {24, 1}, {40, 3}}) {
        expected.insert(expected.end(), static_cast<std::size_t>(dim), static_cast<float>(count));
    }
    CHECK(pooled(model_of(features), {indices, offsets}) == expected);
}

TEST_CASE("conformance 74: a batch of none") { CHECK(pooled(two_tables(kTbeSum), {Ids{}, Ids{0}}) == Floats{}); }

TEST_CASE("conformance 75: a batch of empty bags") {
    CHECK(pooled(two_tables(kTbeMean), {Ids{}, Ids{0, 0, 0, 0, 0}}) == Floats(10, 0.0f));
}

TEST_CASE("conformance 78: the same bits for every number of threads") {
    Random random(78);
    const MadeTable made = make_table(random, RowFormat::int4, 50, 33, 0, Values::tame);
    const std::vector<std::size_t> lengths(300, 17);
    const ReferenceBags bags = make_bags(random, lengths, 50, 0);
    const auto offsets = as<std::int64_t>(bags.offsets);
    const Floats expected = reference_pool(made.reference, bags, {.mode = Pooling::sum}).values;
    for (const std::size_t threads : {std::size_t{1}, std::size_t{4}}) {
        Floats out(expected.size());
        REQUIRE(Engine({.threads = threads})
                    .pool(table_of(made), Bags(bags.indices, offsets), {.mode = Pooling::sum}, out));
        CHECK(out == expected);
    }
}

TEST_CASE("conformance 79: rows that end with their page, and elements after the output") {
    Random random(79);
    for (const RowFormat format : all_row_formats()) {
        const MadeTable made = make_table(random, format, 7, 13, 0, Values::tame);
        const GuardedBuffer rows(std::span<const std::byte>{made.bytes});
        const Table table = view("t", {.format = format, .rows = 7, .dim = 13}, rows.bytes());
        Floats out(2 * 13 + 10, -99.0f);
        REQUIRE(pool(table, Bags(Ids{0, 6, 6}, Ids{0, 2, 3}), {.mode = Pooling::sum}, out));
        CHECK(Floats(out.end() - 10, out.end()) == Floats(10, -99.0f));
    }
}

TEST_CASE("conformance 80: bf16 output rounds ties to even") {
    const Floats values = {std::bit_cast<float>(0x3f808000u), std::bit_cast<float>(0x3f818000u)};
    BFloat16 out[2];
    REQUIRE(pool(f32_table(values, 2), Bags::rows(Ids{0}), {.mode = Pooling::none}, std::span<BFloat16>(out)));
    CHECK(out[0].bits == 0x3f80);
    CHECK(out[1].bits == 0x3f82);
}

TEST_CASE("conformance 82: a keyed jagged tensor") {
    const Ids values = {0, 1, 2, 3, 4, 0, 1, 2};
    const Ids offsets = {0, 2, 2, 3, 4, 5, 8};  // of the lengths 2, 0, 1 (f1) and 1, 1, 3 (f2)
    const Floats table = {1, 10, 100, 1000, 10000};
    const Model model = model_of({{f32_table(table, 1, "f1"), kTbeSum}, {f32_table(table, 1, "f2"), kTbeSum}});
    CHECK(pooled(model, {values, offsets}) == Floats{11, 1000, 0, 10000, 100, 111});
}

// The table is five gigabytes of address space of which only the touched pages exist.
TEST_CASE("conformance 85: rows more than 4 GiB into a table") {
    constexpr std::size_t kDim = 16;
    constexpr std::size_t kBytes = std::size_t{5} << 30;
    void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    const std::span bytes(static_cast<std::byte*>(memory), kBytes);
    const Table table = view("t", {.format = RowFormat::f32, .rows = kBytes / (4 * kDim), .dim = kDim}, bytes);
    const Ids rows = {0, (std::int64_t{1} << 31) / 64, (std::int64_t{1} << 32) / 64, (std::int64_t{5} << 30) / 64 - 1};
    for (const std::int64_t row : rows) {
        auto* values = static_cast<float*>(memory) + static_cast<std::size_t>(row) * kDim;
        std::fill(values, values + kDim, static_cast<float>(row + 1));
    }
    const Floats out = test::pooled(table, Bags::rows(rows), {.mode = Pooling::none});
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == static_cast<float>(rows[i / kDim] + 1));
    munmap(memory, kBytes);
}

}  // namespace
}  // namespace rowpool::test
