// What the tests of pool() look up in, and what they expect of a fault.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/tables.hpp"

namespace rowpool::test {

using Ids = std::vector<std::int64_t>;
using Narrow = std::vector<std::int32_t>;
using Floats = std::vector<float>;

inline constexpr std::size_t kRows = 10;
inline constexpr std::size_t kDim = 3;
inline const std::vector<std::size_t> kLengths = {2, 0, 1, 4, 3};

/// A table with random bags in it, and the bags in every integer type.
struct PoolFixture {
    MadeTable made;
    Table table;
    ReferenceBags bags;
    Ids indices, offsets, lengths;
    Narrow narrow_indices, narrow_offsets, narrow_lengths;

    explicit PoolFixture(RowFormat format = RowFormat::int8, std::size_t bad_every = 0)
        : made(make(format)), table(table_of(made, "item_id")) {
        Random random(18);
        bags = make_bags(random, kLengths, kRows, bad_every);
        indices = bags.indices;
        offsets = as<std::int64_t>(bags.offsets);
        lengths = as<std::int64_t>(kLengths);
        narrow_indices = as<std::int32_t>(indices);
        narrow_offsets = as<std::int32_t>(offsets);
        narrow_lengths = as<std::int32_t>(lengths);
    }

    static MadeTable make(RowFormat format) {
        Random random(17);
        return make_table(random, format, kRows, kDim, 1, Values::tame);
    }
    Floats expected(const ReferenceOptions& options) const {
        return reference_pool(made.reference, bags, options).values;
    }
};

/// The message of a call that must fail with this fault and code, and leave its buffer alone.
inline std::string message(const PoolStatus& status, PoolFault fault, ErrorCode code = ErrorCode::invalid_argument) {
    CHECK(status.fault == fault);
    CHECK(status.code == code);
    return status.message();
}

}  // namespace rowpool::test
