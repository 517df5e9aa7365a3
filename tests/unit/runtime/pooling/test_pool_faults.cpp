// pool(): every fault with its message, and out left alone by all of them.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/support/pool_fixture.hpp"

namespace rowpool::test {
namespace {

TEST_CASE("faults of offsets") {
    const PoolFixture f;
    const auto status = [&](const Ids& offsets) { return fault_of(f.table, Bags(f.indices, offsets), {}); };
    CHECK(message(status({}), PoolFault::offsets_missing) ==
          "table item_id, offsets are empty; not even the closing one is there");
    CHECK(message(status({1, 10}), PoolFault::first_offset) == "table item_id, offsets[0] is 1, not 0");
    CHECK(message(status({-1, 10}), PoolFault::first_offset) == "table item_id, offsets[0] is -1, not 0");
    CHECK(message(status({0, 4, 3, 10}), PoolFault::falling_offset) ==
          "table item_id, offsets[2] is 3, below 4 before it");
    CHECK(message(status({0, INT64_MIN}), PoolFault::falling_offset) ==
          "table item_id, offsets[1] is -9223372036854775808, below 0 before it");
    CHECK(message(status({0, 11, 10}), PoolFault::offset_past_end) ==
          "table item_id, offsets[1] is 11, past the 10 indices");
    CHECK(message(status({0, INT64_MAX}), PoolFault::offset_past_end) ==
          "table item_id, offsets[1] is 9223372036854775807, past the 10 indices");
    CHECK(message(status({0, 9}), PoolFault::last_offset) ==
          "table item_id, the last offset is 9, but there are 10 indices");
    CHECK(message(status({0}), PoolFault::last_offset) ==
          "table item_id, the last offset is 0, but there are 10 indices");
}

TEST_CASE("faults of starts") {
    const PoolFixture f;
    const auto status = [&](const Narrow& starts) { return fault_of(f.table, Bags::starts(f.indices, starts), {}); };
    CHECK(message(status({}), PoolFault::no_bags) == "table item_id, 10 indices, but no bag to hold them");
    CHECK(message(status({2}), PoolFault::first_offset) == "table item_id, offsets[0] is 2, not 0");
    CHECK(message(status({0, 11}), PoolFault::offset_past_end) ==
          "table item_id, offsets[1] is 11, past the 10 indices");
}

TEST_CASE("faults of lengths") {
    const PoolFixture f;
    const auto status = [&](const Ids& lengths) { return fault_of(f.table, Bags::lengths(f.indices, lengths), {}); };
    CHECK(message(status({5, -1, 6}), PoolFault::negative_length) == "table item_id, bag 1: length -1 is negative");
    CHECK(message(status({5, 4}), PoolFault::lengths_sum) ==
          "table item_id, lengths add up to 9, but there are 10 indices");
    CHECK(message(status({}), PoolFault::lengths_sum) ==
          "table item_id, lengths add up to 0, but there are 10 indices");
    CHECK(message(status({5, 6}), PoolFault::length_past_end) ==
          "table item_id, bag 1: length 6 runs past the 10 indices");
    CHECK(message(status({INT64_MAX, INT64_MAX, 12}), PoolFault::length_past_end) ==
          "table item_id, bag 0: length 9223372036854775807 runs past the 10 indices");
}

TEST_CASE("faults of fixed bags") {
    const PoolFixture f;
    const std::pair<std::size_t, std::size_t> shapes[] = {{3, 3}, {0, 3}, {5, 0}, {11, 1}, {SIZE_MAX / 2 + 6, 2}};
    for (const auto& [num_bags, length] : shapes) {
        Floats out(100, -99.0f);
        const PoolStatus status = pool(f.table, Bags::fixed(f.indices, num_bags, length), {}, out);
        CHECK(status.fault == PoolFault::fixed_length);
        CHECK(out == Floats(100, -99.0f));
    }
}

TEST_CASE("faults of indices name bag, position and value") {
    PoolFixture f;
    f.indices[6] = 10;
    f.indices[8] = -1;
    CHECK(message(fault_of(f.table, Bags(f.indices, f.offsets), {}), PoolFault::index, ErrorCode::index_out_of_range) ==
          "table item_id, bag 3: index 10 at position 6 is not in [0, 10)");
    CHECK(message(fault_of(f.table, Bags::lengths(f.indices, f.lengths), {}), PoolFault::index,
                  ErrorCode::index_out_of_range) == "table item_id, bag 3: index 10 at position 6 is not in [0, 10)");
    f.indices[6] = 9;
    CHECK(message(fault_of(f.table, Bags(f.indices, f.offsets), {}), PoolFault::index, ErrorCode::index_out_of_range) ==
          "table item_id, bag 4: index -1 at position 8 is not in [0, 10)");
    CHECK(message(fault_of(f.table, Bags::rows(f.indices), {.mode = Pooling::none}), PoolFault::index,
                  ErrorCode::index_out_of_range) == "table item_id, bag 8: index -1 at position 8 is not in [0, 10)");
}

TEST_CASE("faults of weights") {
    const PoolFixture f;
    const auto status = [&](std::size_t count, Pooling mode) {
        const Floats weights(count, 1.0f);
        const bool rows = mode == Pooling::none;
        const Bags bags =
            rows ? Bags::fixed(f.indices, f.indices.size(), 1, weights) : Bags(f.indices, f.offsets, weights);
        return fault_of(f.table, bags, {.mode = mode});
    };
    CHECK(message(status(9, Pooling::sum), PoolFault::weights_size) == "table item_id, 9 weights for 10 indices");
    CHECK(message(status(11, Pooling::mean), PoolFault::weights_size) == "table item_id, 11 weights for 10 indices");
    for (const Pooling mode : {Pooling::max, Pooling::none}) {
        CHECK(message(status(10, mode), PoolFault::weights_with_mode) ==
              "table item_id, weights go with sum, mean and sqrtn only");
    }
}

TEST_CASE("faults of options") {
    const PoolFixture f;
    const Bags bags(f.indices, f.offsets);
    CHECK(message(fault_of(f.table, bags, {.mode = Pooling::none}), PoolFault::bags_with_none) ==
          "table item_id, mode none wants one index a bag");
    CHECK(message(fault_of(f.table, bags, {.padding_index = 10}), PoolFault::padding_index) ==
          "table item_id, padding index 10 is outside its 10 ids");
    CHECK(message(fault_of(f.table, bags, {.padding_index = -11}), PoolFault::padding_index) ==
          "table item_id, padding index -11 is outside its 10 ids");
}

TEST_CASE("faults of outputs") {
    const PoolFixture f;
    const auto status = [&](std::size_t size, std::size_t stride, std::size_t column) {
        Floats out(size, -99.0f);
        const Bags bags(f.indices, f.offsets);
        const PoolStatus result = pool(f.table, bags, {}, {out, stride, column});
        CHECK(out == Floats(size, -99.0f));
        CHECK(check(f.table, bags, {}, {out, stride, column}).message() == result.message());
        CHECK(check(f.table, bags, {}));
        return result;
    };
    CHECK(message(status(14, 0, 0), PoolFault::output_size) ==
          "table item_id, output of 14 elements is too small for 5 rows of stride 3");
    CHECK(message(status(32, 7, 2), PoolFault::output_size) ==
          "table item_id, output of 32 elements is too small for 5 rows of stride 7");
    CHECK(message(status(0, 0, 0), PoolFault::output_size) ==
          "table item_id, output of 0 elements is too small for 5 rows of stride 3");
    CHECK(message(status(100, 2, 0), PoolFault::output_stride) ==
          "table item_id, output stride 2 is below the 3 columns of a row");
    CHECK(message(status(100, 7, 5), PoolFault::output_stride) ==
          "table item_id, output stride 7 is below the 8 columns of a row");
    CHECK(status(100, SIZE_MAX, 0).fault == PoolFault::output_size);
    CHECK(status(100, 0, SIZE_MAX).fault == PoolFault::output_stride);
    CHECK(status(100, SIZE_MAX, SIZE_MAX - 1).fault == PoolFault::output_stride);
}

}  // namespace
}  // namespace rowpool::test
