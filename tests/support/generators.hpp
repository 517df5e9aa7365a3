// Made-up tables, bags and weights for comparisons with the reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/random.hpp"
#include "tests/support/reference.hpp"

namespace rowpool::test {

/// How ordinary the numbers are.
enum class Values {
    tame,    ///< about 1 in size, all finite
    hostile  ///< also NaN, infinities, -0, subnormals and numbers near the ends of the range
};

/// A number of that kind.
float random_value(Random& random, Values values);

/// The bytes of a table and what they mean.
struct MadeTable {
    RowFormat format = RowFormat::f32;
    std::size_t rows = 0;
    std::size_t dim = 0;
    std::size_t stride = 0;
    std::vector<std::byte> bytes;  ///< up to the last byte of the last row
    ReferenceTable reference;
};

/// A table with `gap` bytes of 0xff, a NaN in every format, between one row and the next.
MadeTable make_table(Random& random, RowFormat format, std::size_t rows, std::size_t dim, std::size_t gap,
                     Values values);

/// Gives a table a remap of so many ids: random rows, now and then -1, and where `hostile` also numbers that are no
/// row.
void add_remap(Random& random, std::size_t ids, bool hostile, MadeTable& table);

/// Bags of these lengths with random rows. Each index is, with chance 1 in `bad_every`, none of the `rows` rows
/// (never when bad_every is 0).
ReferenceBags make_bags(Random& random, std::span<const std::size_t> lengths, std::size_t rows, std::size_t bad_every);

/// One weight an index: mostly in [-2, 2), now and then 0.
std::vector<float> make_weights(Random& random, std::size_t count);

/// The same numbers as another integer type.
template <class To, class From>
std::vector<To> as(const std::vector<From>& values) {
    std::vector<To> result;
    for (const From& value : values) result.push_back(static_cast<To>(value));
    return result;
}

}  // namespace rowpool::test
