// Lookups sorted by row: the order of a stable sort, for every kind of bags, index type and number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/support/learning.hpp"
#include "training/lookups.hpp"

namespace rowpool::train {
namespace {

using rowpool::test::Random;

/// What sort_lookups() must give.
std::vector<Lookup> expected(const rowpool::test::LearningBags& made, std::int64_t padding, Places places) {
    std::vector<Lookup> lookups;
    for (std::size_t bag = 0; bag < made.num_bags(); ++bag) {
        for (auto i = made.offsets[bag]; i < made.offsets[bag + 1]; ++i) {
            const std::int64_t row = made.indices[static_cast<std::size_t>(i)];
            const auto place = places == Places::bags ? bag : static_cast<std::size_t>(i);
            if (row != padding) lookups.push_back(static_cast<Lookup>(row) << 32 | place);
        }
    }
    std::ranges::stable_sort(lookups, {}, [](Lookup lookup) { return lookup >> 32; });
    return lookups;
}

std::vector<Lookup> sorted(const Bags& bags, std::size_t rows, std::optional<std::int64_t> padding, Places places,
                           std::size_t threads) {
    const Workers workers(threads);
    const SortedLookups found = sort_lookups(bags, BagBounds(bags), rows, padding, places, Loops(workers));
    return {found.lookups.begin(), found.lookups.end()};
}

TEST_CASE("lookups are sorted by row, those of a row stay in order") {
    Random random(1);
    for (const std::size_t rows : {1u, 2u, 100u, 2047u, 2048u, 2049u, 5000000u}) {
        for (const std::size_t num_bags : {0u, 1u, 30u, 7000u}) {
            CAPTURE(rows);
            CAPTURE(num_bags);
            const auto made = rowpool::test::random_bags(random, num_bags, 20, rows, Pooling::sum);
            const std::vector<std::int32_t> narrow(made.indices.begin(), made.indices.end());
            std::vector<std::int32_t> lengths;
            for (std::size_t b = 0; b < num_bags; ++b) {
                lengths.push_back(static_cast<std::int32_t>(made.offsets[b + 1] - made.offsets[b]));
            }
            for (const Places places : {Places::bags, Places::positions}) {
                const auto padding = static_cast<std::int64_t>(rows / 2);
                const auto all = expected(made, -1, places), some = expected(made, padding, places);
                const Bags starts = Bags::starts(made.indices, std::span(made.offsets).first(num_bags));
                for (const std::size_t threads : {1u, 3u}) {
                    CHECK(sorted({made.indices, made.offsets}, rows, {}, places, threads) == all);
                    CHECK(sorted({narrow, made.offsets}, rows, padding, places, threads) == some);
                    CHECK(sorted(Bags::lengths(narrow, lengths), rows, {}, places, threads) == all);
                    if (num_bags > 0) CHECK(sorted(starts, rows, padding, places, threads) == some);
                }
            }
        }
    }
}

TEST_CASE("fixed bags") {
    const std::vector<std::int64_t> indices = {3, 1, 3, 0, 1, 1};
    const std::vector<Lookup> by_bag = {1ull,           1ull << 32 | 0, 1ull << 32 | 2,
                                        1ull << 32 | 2, 3ull << 32 | 0, 3ull << 32 | 1};
    CHECK(sorted(Bags::fixed(indices, 3, 2), 4, {}, Places::bags, 1) == by_bag);
}

TEST_CASE("where the next row begins") {
    const std::vector<Lookup> lookups = {1, 2, 1ull << 32, 1ull << 32 | 5, 9ull << 32};
    CHECK(next_row(lookups, 0) == 0);
    CHECK(next_row(lookups, 1) == 2);
    CHECK(next_row(lookups, 3) == 4);
    CHECK(next_row(lookups, 5) == 5);
}

}  // namespace
}  // namespace rowpool::train
