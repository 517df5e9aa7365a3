// What torch.nn.Embedding and torch.nn.EmbeddingBag do, as numbered cases with worked values: 1 to 42.
//
// Left out: 21 (weights are a contiguous span), 36 to 38 (max_norm is for training), 39 (columns have no stride).
// Other answers than PyTorch's, on purpose: 10 and 13 are errors, 17 too (a table has at least one column), 22 pools
// with weights in mean as TensorFlow does, 41 and 42 round once.
#include <doctest/doctest.h>

#include <cmath>
#include <type_traits>

#include "rowpool/rowpool.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Floats kTable = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
const Ids kIds = {3, 1, 1, 1, 4, 0};
const Ids kOffsets = {0, 0, 3, 3, 6};
constexpr Pooling kBagModes[] = {Pooling::sum, Pooling::mean, Pooling::max};

Table table() { return f32_table(kTable, 2); }

/// Pools from the 5 x 2 table.
Floats pooled(const Bags& bags, const PoolOptions& options) { return test::pooled(table(), bags, options); }

PoolFault fault(const Bags& bags, const PoolOptions& options) { return fault_of(table(), bags, options).fault; }

/// Pools f16 rows into f16.
std::vector<std::uint16_t> pooled_f16(const Floats& values, std::size_t dim, const Bags& bags, Pooling mode) {
    const auto rows = encode_output(values, OutputType::f16);
    const Table halves = view("halves", {.format = RowFormat::f16, .rows = values.size() / dim, .dim = dim}, rows);
    std::vector<Float16> out(bags.num_bags() * dim);
    REQUIRE(pool(halves, bags, {.mode = mode}, std::span(out)));
    std::vector<std::uint16_t> bits;
    for (const Float16 half : out) bits.push_back(half.bits);
    return bits;
}

TEST_CASE("conformance 1: sum") {
    CHECK(pooled(Bags::starts(kIds, kOffsets), {.mode = Pooling::sum}) == Floats{0, 0, 13, 16, 0, 0, 13, 16, 0, 0});
}

TEST_CASE("conformance 2: mean, the default mode") {
    const float x = 13.0f / 3, y = 16.0f / 3;
    CHECK(pooled(Bags::starts(kIds, kOffsets), {}) == Floats{0, 0, x, y, 0, 0, x, y, 0, 0});
}

TEST_CASE("conformance 3: max") {
    CHECK(pooled(Bags::starts(kIds, kOffsets), {.mode = Pooling::max}) == Floats{0, 0, 7, 8, 0, 0, 9, 10, 0, 0});
}

TEST_CASE("conformance 4: two-dimensional indices") {
    const Bags bags = Bags::fixed(kIds, 2, 3);
    CHECK(pooled(bags, {.mode = Pooling::sum}) == Floats{13, 16, 13, 16});
    CHECK(pooled(bags, {.mode = Pooling::mean}) == Floats{13.0f / 3, 16.0f / 3, 13.0f / 3, 16.0f / 3});
    CHECK(pooled(bags, {.mode = Pooling::max}) == Floats{7, 8, 9, 10});
}

TEST_CASE("conformance 5: no indices, one and two bags") {
    for (const Pooling mode : kBagModes) {
        CHECK(pooled(Bags::starts(Ids{}, Ids{0}), {.mode = mode}) == Floats{0, 0});
        CHECK(pooled(Bags::starts(Ids{}, Ids{0, 0}), {.mode = mode}) == Floats{0, 0, 0, 0});
    }
}

TEST_CASE("conformance 6: no indices and no bags") {
    CHECK(pooled(Bags::starts(Ids{}, Ids{}), {.mode = Pooling::sum}) == Floats{});
}

TEST_CASE("conformance 7: two-dimensional indices with a zero in their shape") {
    CHECK(pooled(Bags::fixed(Ids{}, 0, 3), {.mode = Pooling::sum}) == Floats{});
    CHECK(pooled(Bags::fixed(Ids{}, 2, 0), {.mode = Pooling::sum}) == Floats{0, 0, 0, 0});
}

TEST_CASE("conformance 8: offsets with the closing one") {
    CHECK(pooled(Bags(kIds, Ids{0, 3, 6}), {.mode = Pooling::sum}) == Floats{13, 16, 13, 16});
}

TEST_CASE("conformance 9: only the closing offset, and not even that") {
    CHECK(pooled(Bags(Ids{}, Ids{0}), {.mode = Pooling::sum}) == Floats{});
    CHECK(fault(Bags(Ids{}, Ids{}), {.mode = Pooling::sum}) == PoolFault::offsets_missing);
}

TEST_CASE("conformance 10: a closing offset that leaves indices over") {
    CHECK(fault(Bags(kIds, Ids{0, 3, 5}), {.mode = Pooling::sum}) == PoolFault::last_offset);
}

TEST_CASE("conformance 11: a first offset that is not 0") {
    CHECK(fault(Bags::starts(kIds, Ids{1, 3}), {}) == PoolFault::first_offset);
}

TEST_CASE("conformance 12: an offset past the indices") {
    CHECK(fault(Bags::starts(kIds, Ids{0, 7}), {}) == PoolFault::offset_past_end);
}

TEST_CASE("conformance 13: falling offsets") {
    CHECK(fault(Bags::starts(kIds, Ids{0, 4, 2}), {}) == PoolFault::falling_offset);
}

TEST_CASE("conformance 14: a negative offset") {
    CHECK(fault(Bags::starts(kIds, Ids{0, -1, 2}), {}) == PoolFault::falling_offset);
}

TEST_CASE("conformance 15: indices outside the table") {
    for (const Pooling mode : kBagModes) {
        CHECK(fault(Bags::starts(Ids{0, 5}, Ids{0}), {.mode = mode}) == PoolFault::index);
        CHECK(fault(Bags::starts(Ids{0, -1}, Ids{0}), {.mode = mode}) == PoolFault::index);
    }
}

TEST_CASE("conformance 16: a table without rows") {
    const Table empty = f32_table({}, 2);
    for (const Pooling mode : kBagModes) {
        CHECK(test::pooled(empty, Bags::starts(Ids{}, Ids{0, 0}), {.mode = mode}) == Floats{0, 0, 0, 0});
        CHECK(fault_of(empty, Bags::starts(Ids{0}, Ids{0, 0}), {.mode = mode}).fault == PoolFault::index);
    }
}

TEST_CASE("conformance 17: a table without columns is refused") {
    const auto refused = Table::view("t", {.format = RowFormat::f32, .rows = 3, .dim = 0}, {});
    REQUIRE(!refused);
    CHECK(refused.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("conformance 18: int32 and int64 mix") {
    const Floats expected = {0, 0, 13, 16, 0, 0, 13, 16, 0, 0};
    const auto narrow_ids = as<std::int32_t>(kIds);
    const auto narrow_offsets = as<std::int32_t>(kOffsets);
    CHECK(pooled(Bags::starts(narrow_ids, kOffsets), {.mode = Pooling::sum}) == expected);
    CHECK(pooled(Bags::starts(kIds, narrow_offsets), {.mode = Pooling::sum}) == expected);
    CHECK(pooled(Bags::starts(narrow_ids, narrow_offsets), {.mode = Pooling::sum}) == expected);
}

TEST_CASE("conformance 19: indices of other types do not compile") {
    CHECK(std::is_constructible_v<IndexSpan, std::vector<std::int64_t>&>);
    CHECK(!std::is_constructible_v<IndexSpan, std::vector<std::int16_t>&>);
    CHECK(!std::is_constructible_v<IndexSpan, std::vector<float>&>);
}

TEST_CASE("conformance 20: weights") {
    const Floats weights = {0, 2, 4, 6, 8, 10};
    CHECK(pooled(Bags::starts(kIds, kOffsets, weights), {.mode = Pooling::sum}) ==
          Floats{0, 0, 18, 24, 0, 0, 100, 124, 0, 0});
}

TEST_CASE("conformance 22: weights with mean divide by their sum; with max they are refused") {
    const Floats weights = {1, 3};
    CHECK(pooled(Bags::starts(Ids{0, 1}, Ids{0}, weights), {.mode = Pooling::mean}) == Floats{2.5f, 3.5f});
    CHECK(fault(Bags::starts(Ids{0, 1}, Ids{0}, weights), {.mode = Pooling::max}) == PoolFault::weights_with_mode);
}

TEST_CASE("conformance 23: a weight too few") {
    const Floats weights(5, 1.0f);
    CHECK(fault(Bags::starts(kIds, kOffsets, weights), {.mode = Pooling::sum}) == PoolFault::weights_size);
}

TEST_CASE("conformance 24: negative and zero weights") {
    const Floats values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const Floats weights = {-1, 0, 2};
    CHECK(test::pooled(f32_table(values, 2), Bags(Ids{1, 1, 1}, Ids{0, 3}, weights), {.mode = Pooling::sum}) ==
          Floats{2, 3});
}

TEST_CASE("conformance 25: a NaN stays one under weight 0") {
    const Floats values = {1, 2, NAN, 4};
    const Floats weights = {1, 0};
    const Floats out = test::pooled(f32_table(values, 2), Bags(Ids{0, 1}, Ids{0, 2}, weights), {.mode = Pooling::sum});
    CHECK(std::isnan(out[0]));
    CHECK(out[1] == 2);
}

TEST_CASE("conformance 26: the padding index is left out") {
    for (const Pooling mode : kBagModes) {
        CHECK(pooled(Bags::starts(Ids{2, 0, 2, 1}, Ids{0, 3}), {.mode = mode, .padding_index = 2}) ==
              Floats{1, 2, 3, 4});
    }
}

TEST_CASE("conformance 27: a bag of nothing but padding") {
    for (const Pooling mode : kBagModes) {
        CHECK(pooled(Bags::starts(Ids{2, 2, 2, 1}, Ids{0, 3}), {.mode = mode, .padding_index = 2}) ==
              Floats{0, 0, 3, 4});
    }
}

TEST_CASE("conformance 28: a padding index counted from the end") {
    for (const Pooling mode : kBagModes) {
        CHECK(pooled(Bags::starts(Ids{4, 0, 4, 1}, Ids{0, 3}), {.mode = mode, .padding_index = -1}) ==
              Floats{1, 2, 3, 4});
    }
}

TEST_CASE("conformance 29: a padding index outside the table") {
    CHECK(fault(Bags::starts(kIds, kOffsets), {.padding_index = 5}) == PoolFault::padding_index);
    CHECK(fault(Bags::starts(kIds, kOffsets), {.padding_index = -6}) == PoolFault::padding_index);
}

TEST_CASE("conformance 30: the weight of a padding index is left out with it") {
    const Floats values = {1, 2, 10, 20};
    const Floats weights = {2, 3, 4};
    CHECK(test::pooled(f32_table(values, 2), Bags(Ids{0, 1, 1}, Ids{0, 3}, weights),
                       {.mode = Pooling::sum, .padding_index = 1}) == Floats{2, 4});
}

TEST_CASE("conformance 31: max of negative rows, and of none") {
    Floats negative = kTable;
    for (float& value : negative) value = -value;
    CHECK(test::pooled(f32_table(negative, 2), Bags::starts(Ids{0, 1}, Ids{0, 2}), {.mode = Pooling::max}) ==
          Floats{-1, -2, 0, 0});
}

TEST_CASE("conformance 32: max keeps a NaN only when it comes first") {
    const Floats values = {NAN, 2, 1, 4};
    const Table nan_first = f32_table(values, 2);
    const Floats first = test::pooled(nan_first, Bags::starts(Ids{0, 1}, Ids{0}), {.mode = Pooling::max});
    CHECK(std::isnan(first[0]));
    CHECK(first[1] == 4);
    CHECK(test::pooled(nan_first, Bags::starts(Ids{1, 0}, Ids{0}), {.mode = Pooling::max}) == Floats{1, 4});
}

TEST_CASE("conformance 33: a plain lookup returns the padding row as stored") {
    CHECK(pooled(Bags::rows(Ids{2, 1}), {.mode = Pooling::none, .padding_index = 2}) == Floats{5, 6, 3, 4});
}

TEST_CASE("conformance 34: plain lookups of any shape, flattened") {
    CHECK(pooled(Bags::rows(Ids{3}), {.mode = Pooling::none}) == Floats{7, 8});
    CHECK(pooled(Bags::rows(Ids{}), {.mode = Pooling::none}) == Floats{});
    CHECK(pooled(Bags::rows(Ids{0, 1, 1, 4}), {.mode = Pooling::none}) == Floats{1, 2, 3, 4, 3, 4, 9, 10});
}

TEST_CASE("conformance 35: plain lookups outside the table") {
    CHECK(fault(Bags::rows(Ids{5}), {.mode = Pooling::none}) == PoolFault::index);
    CHECK(fault(Bags::rows(Ids{-1}), {.mode = Pooling::none}) == PoolFault::index);
}

TEST_CASE("conformance 40: f16 rows are added in f32") {
    const Ids zeros(4097, 0);
    CHECK(pooled_f16({1}, 1, Bags::starts(zeros, Ids{0}), Pooling::sum)[0] == encode_f16(4096.0f));
    CHECK(pooled_f16({1}, 1, Bags::starts(zeros, Ids{0}), Pooling::mean)[0] == encode_f16(1.0f));
}

TEST_CASE("conformance 41: a sum may overflow f16 and its mean still be right") {
    const Ids rows = {0, 1};
    const Bags both = Bags::fixed(rows, 1, 2);
    CHECK(pooled_f16({60000, 60000}, 1, both, Pooling::sum)[0] == 0x7c00);
    CHECK(pooled_f16({60000, 60000}, 1, both, Pooling::mean)[0] == encode_f16(60000.0f));
}

TEST_CASE("conformance 42: an f16 mean is rounded once") {
    const auto mean =
        pooled_f16({0.1f, 0.2f, 0.3f, 1.0f / 3, 2.0f / 3, 1.0f}, 3, Bags::starts(Ids{0, 1, 1}, Ids{0}), Pooling::mean);
    CHECK(decode_f16(mean[0]) == doctest::Approx(0.255371).epsilon(1e-6));
    CHECK(decode_f16(mean[1]) == doctest::Approx(0.510742).epsilon(1e-6));
    CHECK(decode_f16(mean[2]) == doctest::Approx(0.766602).epsilon(1e-6));
}

}  // namespace
}  // namespace rowpool::test
