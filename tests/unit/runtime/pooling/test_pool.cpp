// pool(): every kind of bags and output against the reference. test_pool_faults.cpp has the faults.
#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "tests/support/guarded_buffer.hpp"
#include "tests/support/pool_fixture.hpp"

namespace rowpool::test {
namespace {

IndexSpan without_last(const Ids& values) { return std::span(values).first(values.size() - 1); }
IndexSpan without_last(const Narrow& values) { return std::span(values).first(values.size() - 1); }

TEST_CASE("bags of every kind and integer type pool the same") {
    const PoolFixture f;
    const Floats expected = f.expected({.mode = Pooling::mean});
    for (const IndexSpan indices : {IndexSpan(f.indices), IndexSpan(f.narrow_indices)}) {
        CHECK(pooled(f.table, Bags(indices, f.offsets), {}) == expected);
        CHECK(pooled(f.table, Bags(indices, f.narrow_offsets), {}) == expected);
        CHECK(pooled(f.table, Bags::starts(indices, without_last(f.offsets)), {}) == expected);
        CHECK(pooled(f.table, Bags::starts(indices, without_last(f.narrow_offsets)), {}) == expected);
        CHECK(pooled(f.table, Bags::lengths(indices, f.lengths), {}) == expected);
        CHECK(pooled(f.table, Bags::lengths(indices, f.narrow_lengths), {}) == expected);
    }
}

TEST_CASE("bags of one length are told from others that have as many indices") {
    Random random(19);
    const PoolFixture f;
    for (const std::vector<std::size_t>& lengths : {std::vector<std::size_t>(33, 1),
                                                    {1, 1, 1, 0, 2, 1},
                                                    {2, 0},
                                                    {0, 2, 1, 1},
                                                    {1, 1, 2, 0},
                                                    {1},
                                                    std::vector<std::size_t>(33, 3),
                                                    {3, 3, 3, 2, 4},
                                                    {2, 4, 3},
                                                    {3, 0, 6},
                                                    {0, 0},
                                                    {7}}) {
        const ReferenceBags bags = make_bags(random, lengths, kRows, 0);
        const Floats expected = reference_pool(f.made.reference, bags, {.mode = Pooling::mean}).values;
        const auto offsets = as<std::int64_t>(bags.offsets);
        const auto narrow_offsets = as<std::int32_t>(bags.offsets);
        const auto own_lengths = as<std::int64_t>(lengths);
        const auto narrow_lengths = as<std::int32_t>(lengths);
        for (const Bags& given :
             {Bags(bags.indices, offsets), Bags(bags.indices, narrow_offsets),
              Bags::starts(bags.indices, without_last(offsets)),
              Bags::starts(bags.indices, without_last(narrow_offsets)), Bags::lengths(bags.indices, own_lengths),
              Bags::lengths(bags.indices, narrow_lengths)}) {
            CHECK((pooled(f.table, given, {.mode = Pooling::mean}) == expected));
        }
    }
}

TEST_CASE("bad ones among many indices are found wherever they are") {
    const PoolFixture f;
    Ids indices(5000, 1);
    Narrow narrow(5000, 1);
    for (const std::size_t count : {1u, 3u, 64u, 65u, 1024u, 1025u, 2047u, 2048u, 2049u, 5000u}) {
        for (const std::size_t bad : {std::size_t{0}, count / 3, count - 1}) {
            for (const std::int64_t value :
                 {std::int64_t{-1}, static_cast<std::int64_t>(kRows), std::int64_t{INT32_MIN}}) {
                indices[bad] = value;
                narrow[bad] = static_cast<std::int32_t>(value);
                const Bags wide_bags = Bags::fixed(std::span<const std::int64_t>(indices).first(count), 1, count);
                const Bags narrow_bags = Bags::fixed(std::span<const std::int32_t>(narrow).first(count), 1, count);
                for (const Bags& bags : {wide_bags, narrow_bags}) {
                    const PoolStatus status = fault_of(f.table, bags, {});
                    CHECK(status.fault == PoolFault::index);
                    CHECK(status.position == bad);
                    CHECK(status.value == value);
                }
                indices[bad] = 1;
                narrow[bad] = 1;
            }
        }
    }
}

TEST_CASE("every format and mode pools as the reference does") {
    for (const RowFormat format : all_row_formats()) {
        const PoolFixture f(format);
        for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max}) {
            CAPTURE(to_string(format));
            CHECK(pooled(f.table, Bags(f.indices, f.offsets), {.mode = mode}) == f.expected({.mode = mode}));
        }
    }
}

TEST_CASE("weights with every mode that takes them") {
    PoolFixture f;
    Random random(3);
    f.bags.weights = make_weights(random, f.indices.size());
    for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::sqrtn}) {
        for (const Divisor divisor : {Divisor::rows_taken, Divisor::bag_length}) {
            CHECK(pooled(f.table, Bags(f.indices, f.offsets, f.bags.weights), {.mode = mode, .divisor = divisor}) ==
                  f.expected({.mode = mode, .divisor = divisor}));
        }
    }
}

TEST_CASE("weights that add up to 0 give a mean of zeros") {
    const Floats values = {1, 2, 3, 4};
    const Floats weights = {2, -2};
    const Ids indices = {0, 1};
    const Bags bags = Bags::fixed(indices, 1, 2, weights);
    CHECK(pooled(f32_table(values, 2), bags, {.mode = Pooling::mean}) == Floats{0, 0});
    CHECK(pooled(f32_table(values, 2), bags, {.mode = Pooling::sum}) == Floats{-4, -4});
}

TEST_CASE("sqrtn divides by roots") {
    const Floats values = {1, 3, 5, 7};
    const Floats weights = {3, 4};
    const Ids indices = {0, 0, 1, 1};
    const Table table = f32_table(values, 2);
    CHECK(pooled(table, Bags::fixed(indices, 1, 4), {.mode = Pooling::sqrtn}) == Floats{6, 10});
    CHECK(pooled(table, Bags::fixed(std::span(indices).subspan(1, 2), 1, 2, weights), {.mode = Pooling::sqrtn}) ==
          Floats{23.0f / 5, 37.0f / 5});
}

TEST_CASE("outputs of every type round once, at any stride and column") {
    const std::size_t size = kLengths.size() * 7 + 4;  // with a tail shorter than what is written of a row
    const PoolFixture f;
    const Floats expected = f.expected({.mode = Pooling::sum});
    std::vector<Float16> halves(size, Float16{0x1234});
    std::vector<BFloat16> brains(size, BFloat16{0x1234});
    Floats floats(size, -99.0f);
    const Bags bags(f.indices, f.offsets);
    REQUIRE(pool(f.table, bags, {.mode = Pooling::sum}, {std::span(halves), 7, 2}));
    REQUIRE(pool(f.table, bags, {.mode = Pooling::sum}, {std::span(brains), 7, 2}));
    REQUIRE(pool(f.table, bags, {.mode = Pooling::sum}, {floats, 7, 2}));
    for (std::size_t i = 0; i < size; ++i) {
        const bool written = i / 7 < kLengths.size() && i % 7 >= 2 && i % 7 < 2 + kDim;
        const float value = written ? expected[i / 7 * kDim + i % 7 - 2] : 0;
        CHECK(halves[i].bits == (written ? encode_f16(value) : 0x1234));
        CHECK(brains[i].bits == (written ? encode_bf16(value) : 0x1234));
        CHECK(floats[i] == (written ? value : -99.0f));
    }
}

TEST_CASE("an output that just fits is written to its last element") {
    const PoolFixture f;
    const std::size_t size = (kLengths.size() - 1) * 7 + 2 + kDim;
    const GuardedBuffer buffer(size * sizeof(float));
    const std::span out(reinterpret_cast<float*>(buffer.data()), size);
    REQUIRE(pool(f.table, Bags(f.indices, f.offsets), {}, {out, 7, 2}));
    CHECK(out.back() == f.expected({.mode = Pooling::mean}).back());
}

TEST_CASE("a single bag takes any stride that is large enough") {
    const PoolFixture f;
    const Ids indices = {1, 2};
    const Floats expected = pooled(f.table, Bags::fixed(indices, 1, 2), {});
    for (const std::size_t stride : {SIZE_MAX, SIZE_MAX / 4, std::size_t{1} << 61}) {
        Floats out(3, -99.0f);
        REQUIRE(pool(f.table, Bags::fixed(indices, 1, 2), {}, {out, stride}));
        CHECK(out == expected);
    }
}

TEST_CASE("bad indices are skipped and counted") {
    const PoolFixture f(RowFormat::f32, 3);
    const ReferenceResult expected = reference_pool(f.made.reference, f.bags, {.mode = Pooling::mean});
    REQUIRE(expected.skipped > 0);
    Floats out(expected.values.size());
    const PoolStatus status = pool(f.table, Bags(f.indices, f.offsets), {.on_bad_index = OnBadIndex::skip}, out);
    REQUIRE(status);
    CHECK(status.skipped == expected.skipped);
    CHECK(out == expected.values);
}

TEST_CASE("a plain lookup gives zeros for a bad index, and counts it") {
    const Floats values = {1, 2, 3};
    Floats out(4, -99.0f);
    const PoolStatus status = pool(f32_table(values, 1), Bags::rows(Ids{2, -1, 3, 0}),
                                   {.mode = Pooling::none, .on_bad_index = OnBadIndex::skip}, out);
    REQUIRE(status);
    CHECK(status.skipped == 2);
    CHECK(out == Floats{3, 0, 0, 1});
}

TEST_CASE("a table's own padding index holds unless the call says otherwise") {
    const Floats values = {1, 10, 100};
    const Table table = view("t", {.format = RowFormat::f32, .rows = 3, .dim = 1, .padding_index = 1},
                             std::as_bytes(std::span(values)));
    const Ids indices = {0, 1, 2};
    const Bags bags = Bags::fixed(indices, 1, 3);
    CHECK(pooled(table, bags, {.mode = Pooling::sum}) == Floats{101});
    CHECK(pooled(table, bags, {.mode = Pooling::sum, .padding_index = PaddingIndex::none()}) == Floats{111});
    CHECK(pooled(table, bags, {.mode = Pooling::sum, .padding_index = 2}) == Floats{11});
    CHECK(pooled(table, bags, {.mode = Pooling::sum, .padding_index = -3}) == Floats{110});
}

TEST_CASE("the divisor counts padding and skipped indices only when it is the bag's length") {
    const Floats values = {1, 10, 100};
    const Ids indices = {0, 1, 2, 7};
    const Bags bags = Bags::fixed(indices, 1, 4);
    PoolOptions options = {.padding_index = 1, .on_bad_index = OnBadIndex::skip};
    CHECK(pooled(f32_table(values, 1), bags, options) == Floats{101.0f / 2});
    options.divisor = Divisor::bag_length;
    CHECK(pooled(f32_table(values, 1), bags, options) == Floats{101.0f / 4});
}

TEST_CASE("a remap leads every pooling to its rows, and leaves out pruned ids") {
    Random random(23);
    for (const RowFormat format : {RowFormat::f32, RowFormat::int4}) {
        MadeTable made = make_table(random, format, kRows, 70, 1, Values::tame);
        add_remap(random, 33, true, made);
        const Table table = table_of(made);
        const ReferenceBags bags = make_bags(random, kLengths, 33, 0);
        const Ids offsets = as<std::int64_t>(bags.offsets);
        for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max}) {
            for (const Divisor divisor : {Divisor::rows_taken, Divisor::bag_length}) {
                for (const std::size_t distance : {std::size_t{0}, std::size_t{2}}) {
                    const PoolOptions options = {.mode = mode,
                                                 .padding_index = 4,
                                                 .divisor = divisor,
                                                 .prefetch = Prefetch{distance, Prefetch::Into::second_level}};
                    CHECK(pooled(table, Bags(bags.indices, offsets), options) ==
                          reference_pool(made.reference, bags, {mode, 4, divisor}).values);
                }
            }
        }
    }
}

TEST_CASE("of thousands of bags, those with results that are not finite are pooled from their own rows") {
    Random random(24);
    std::vector<std::size_t> sizes(3000);
    for (std::size_t& size : sizes) size = 12 + random.below(12);  // so many that forms pay
    for (const RowFormat format : {RowFormat::int8, RowFormat::int4}) {
        const MadeTable made = make_table(random, format, kRows, 64, 0, Values::hostile);
        const ReferenceBags bags = make_bags(random, sizes, kRows, 0);
        const Ids offsets = as<std::int64_t>(bags.offsets);
        const Floats expected = reference_pool(made.reference, bags, {.mode = Pooling::sum}).values;
        const std::vector<std::int32_t> narrow(bags.indices.begin(), bags.indices.end());
        for (const Bags& call : {Bags(bags.indices, offsets), Bags(narrow, offsets)}) {
            const Floats found = pooled(table_of(made), call, {.mode = Pooling::sum});
            REQUIRE(found.size() == expected.size());
            CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0);
        }
    }
}

TEST_CASE("pruned ids: zeros in a plain lookup, counted when the divisor is the bag's length") {
    const Floats values = {1, 10};
    const std::vector<std::int32_t> remap = {1, -1, 0};
    const Table table =
        *Table::view("t", {.format = RowFormat::f32, .rows = 2, .dim = 1}, std::as_bytes(std::span(values)), remap);
    const Ids ids = {0, 1, 2};
    CHECK(pooled(table, Bags::rows(ids), {.mode = Pooling::none}) == Floats{10, 0, 1});
    CHECK(pooled(table, Bags::fixed(ids, 1, 3), {}) == Floats{11.0f / 2});
    CHECK(pooled(table, Bags::fixed(ids, 1, 3), {.divisor = Divisor::bag_length}) == Floats{11.0f / 3});
    const Floats weights = {2, 50, 4};
    CHECK(pooled(table, Bags::fixed(ids, 1, 3, weights), {}) == Floats{24.0f / 6});
    CHECK(pooled(table, Bags::fixed(Ids{1, 1, 1}, 1, 3), {}) == Floats{0});
    CHECK(pooled(table, Bags::fixed(ids, 1, 3), {.mode = Pooling::sum, .padding_index = -3}) == Floats{1});
}

TEST_CASE("bad indices of a remapped table are those that are no id") {
    const Floats values = {1, 10};
    const std::vector<std::int32_t> remap = {1, -1, 0};
    const Table table =
        *Table::view("t", {.format = RowFormat::f32, .rows = 2, .dim = 1}, std::as_bytes(std::span(values)), remap);
    CHECK(message(fault_of(table, Bags::rows(Ids{2, 3}), {.mode = Pooling::none}), PoolFault::index,
                  ErrorCode::index_out_of_range) == "table t, bag 1: index 3 at position 1 is not in [0, 3)");
    CHECK(message(fault_of(table, Bags::rows(Ids{0}), {.mode = Pooling::sum, .padding_index = 3}),
                  PoolFault::padding_index) == "table t, padding index 3 is outside its 3 ids");
    Floats out(1);
    const PoolStatus status =
        pool(table, Bags::fixed(Ids{0, 1, 7}, 1, 3), {.mode = Pooling::sum, .on_bad_index = OnBadIndex::skip}, out);
    CHECK(status.skipped == 1);
    CHECK(out == Floats{10});
}

TEST_CASE("an output may have room for more rows than there are bags") {
    const PoolFixture f;
    Floats out(3 * 3, -99.0f);
    const Ids indices = {0, 1}, offsets = {0, 1, 2};
    CHECK(pool(f.table, {indices, offsets}, {}, out));
    CHECK(Floats(out.begin() + 6, out.end()) == Floats(3, -99.0f));
    CHECK(pool(f.table, Bags::starts(indices, offsets), {}, out));
    CHECK(Floats(out.begin() + 6, out.end()) == Floats(3, 0.0f));
}

TEST_CASE("buffers of many types") {
    const PoolFixture f;
    Ids indices = {0, 1};
    std::int32_t offsets[] = {0, 1, 2};
    const std::array<std::int64_t, 3> wide_offsets = {0, 1, 2};
    std::vector<Float16> halves(6);
    std::array<float, 6> floats = {};
    BFloat16 brains[6] = {};
    CHECK(pool(f.table, {std::span(indices), offsets}, {}, halves));
    CHECK(pool(f.table, {std::span(indices), std::span(offsets)}, {}, floats));
    CHECK(pool(f.table, {indices, wide_offsets}, {}, brains));
    CHECK(pool(f.table, {indices, wide_offsets}, {}, Output(floats).columns(3, 0)));
    CHECK(!std::is_constructible_v<Output, std::vector<float>>);
    CHECK(!std::is_constructible_v<Output, const std::vector<float>&>);
    CHECK(!std::is_constructible_v<IndexSpan, std::vector<float>>);
}

}  // namespace
}  // namespace rowpool::test
