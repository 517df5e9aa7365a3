// Index traffic: frequencies against the exact law, permutations, lengths of bags, and requests that repeat.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/measure/traffic.hpp"

namespace rowpool::test {
namespace {

using bench::BagLengths;
using bench::FeatureTraffic;
using bench::RequestBuffers;
using bench::Scatter;
using bench::Traffic;
using bench::Zipf;

constexpr double kAlphas[] = {0, 0.3, 0.9, 1 - 1e-9, 1, 1.05, 1.15, 2};

std::vector<double> law(std::size_t count, double alpha) {
    std::vector<double> chances;
    for (std::size_t rank = 1; rank <= count; ++rank) chances.push_back(std::pow(static_cast<double>(rank), -alpha));
    double sum = 0;
    for (const double chance : chances) sum += chance;
    for (double& chance : chances) chance /= sum;
    return chances;
}

/// Pearson's statistic of `draws` draws, in standard deviations above what chance gives.
double surprise(const Zipf& zipf, std::span<const double> chances, std::size_t draws) {
    bench::Random random(7);
    std::vector<double> seen(chances.size());
    for (std::size_t i = 0; i < draws; ++i) ++seen.at(zipf(random));
    double statistic = 0;
    for (std::size_t rank = 0; rank < chances.size(); ++rank) {
        const double expected = chances[rank] * static_cast<double>(draws);
        statistic += (seen[rank] - expected) * (seen[rank] - expected) / expected;
    }
    const auto freedom = static_cast<double>(chances.size() - 1);
    return (statistic - freedom) / std::sqrt(2 * freedom);
}

struct Moments {
    double mean = 0;
    double deviation = 0;
    double empty = 0;  // share of bags
};

Moments moments(const BagLengths& lengths) {
    bench::Random random(11);
    constexpr std::size_t kDraws = 200000;
    double sum = 0;
    double squares = 0;
    double empty = 0;
    for (std::size_t i = 0; i < kDraws; ++i) {
        const auto length = static_cast<double>(lengths(random));
        sum += length;
        squares += length * length;
        empty += length == 0;
    }
    const double mean = sum / kDraws;
    return {mean, std::sqrt(squares / kDraws - mean * mean), empty / kDraws};
}

TEST_CASE("ranks follow Zipf's law") {
    for (const double alpha : kAlphas) {
        for (const std::size_t count : {2U, 3U, 10U, 100U}) {
            CAPTURE(alpha);
            CAPTURE(count);
            CHECK(surprise(Zipf(count, alpha), law(count, alpha), 400000) < 4);
        }
    }
}

TEST_CASE("another exponent or count is told apart from the law") {
    CHECK(surprise(Zipf(100, 1.05), law(100, 1.07), 400000) > 4);
    CHECK(surprise(Zipf(100, 0), law(100, 0.02), 400000) > 4);
    CHECK(surprise(Zipf(98, 1.05), law(100, 1.05), 400000) > 4);
}

TEST_CASE("the first ranks of a large count have their share") {
    constexpr std::size_t kCount = 4'000'000;
    constexpr double kDraws = 200000;
    for (const double alpha : {0.9, 1.05}) {
        const std::vector<double> chances = law(kCount, alpha);
        const Zipf zipf(kCount, alpha);
        bench::Random random(3);
        double first = 0;
        double thousand = 0;
        for (double draw = 0; draw < kDraws; ++draw) {
            const std::size_t rank = zipf(random);
            first += rank == 0;
            thousand += rank < 1000;
        }
        double expected = 0;
        for (std::size_t rank = 0; rank < 1000; ++rank) expected += chances[rank];
        CHECK(first / kDraws == doctest::Approx(chances[0]).epsilon(0.03));
        CHECK(thousand / kDraws == doctest::Approx(expected).epsilon(0.01));
    }
}

TEST_CASE("all ranks of a huge count are in range, and the last can come") {
    bench::Random random(5);
    for (const double alpha : {0.0, 0.01, 1.0, 8.0, 500.0}) {
        constexpr std::size_t kCount = std::size_t{1} << 40;
        const Zipf zipf(kCount, alpha);
        for (int i = 0; i < 1000; ++i) REQUIRE(zipf(random) < kCount);
        CHECK(Zipf(1, alpha)(random) == 0);
    }
}

TEST_CASE("scattering is a permutation that leaves no order") {
    for (std::size_t count = 1; count < 600; ++count) {
        const Scatter scatter(count, count);
        std::vector<char> taken(count);
        for (std::size_t id = 0; id < count; ++id) ++taken.at(scatter(id));
        REQUIRE(std::ranges::all_of(taken, [](char times) { return times == 1; }));
    }
    constexpr std::size_t kCount = 1'000'003;
    const Scatter scatter(kCount, 1);
    std::vector<std::size_t> places;
    for (std::size_t id = 0; id < 1000; ++id) places.push_back(scatter(id));
    std::ranges::sort(places);
    for (std::size_t tenth = 0; tenth < 10; ++tenth) {  // the 1000 most frequent rows are all over the table
        const auto from = std::ranges::lower_bound(places, tenth * kCount / 10);
        const auto to = std::ranges::lower_bound(places, (tenth + 1) * kCount / 10);
        CHECK(to - from > 50);
        CHECK(to - from < 150);
    }
    CHECK(Scatter(kCount, 1)(17) == scatter(17));
    CHECK(Scatter(kCount, 2)(17) != scatter(17));
}

TEST_CASE("lengths of bags have their mean and spread") {
    CHECK(moments(BagLengths::fixed(20)).mean == 20);
    CHECK(moments(BagLengths::fixed(20)).deviation == 0);
    const Moments geometric = moments(BagLengths::geometric(15));
    CHECK(geometric.mean == doctest::Approx(15).epsilon(0.01));
    CHECK(geometric.deviation == doctest::Approx(std::sqrt(15 * 16)).epsilon(0.02));
    CHECK(geometric.empty == doctest::Approx(1.0 / 16).epsilon(0.05));
    CHECK(moments(BagLengths::geometric(0)).mean == 0);
    const Moments lognormal = moments(BagLengths::lognormal(15, 35));
    CHECK(lognormal.mean == doctest::Approx(15).epsilon(0.02));
    CHECK(lognormal.deviation == doctest::Approx(35).epsilon(0.1));
    CHECK(lognormal.empty > 0.01);
}

TEST_CASE("a request is laid out feature by feature") {
    Traffic traffic({{10, BagLengths::fixed(3), 0}, {7, BagLengths::fixed(1), 1.05}}, 1);
    RequestBuffers<std::int32_t> request;
    traffic.next(2, request);
    CHECK(request.offsets == std::vector<std::int32_t>{0, 3, 6, 7, 8});
    REQUIRE(request.indices.size() == 8);
    CHECK(std::ranges::all_of(request.indices, [](std::int32_t id) { return id >= 0 && id < 10; }));
    CHECK(std::max(request.indices[6], request.indices[7]) < 7);
}

TEST_CASE("traffic repeats with its seed, and a feature does not depend on the others") {
    const FeatureTraffic first = {1000, BagLengths::lognormal(15, 35), 0.9};
    const FeatureTraffic second = {500, BagLengths::geometric(4), 1.05};
    const auto indices_of = [](const std::vector<FeatureTraffic>& features, std::uint64_t seed) {
        Traffic traffic(features, seed);
        RequestBuffers<std::int64_t> request;
        traffic.next(16, request);
        return request.indices;
    };
    const std::vector<std::int64_t> alone = indices_of({first}, 1);
    const std::vector<std::int64_t> both = indices_of({first, second}, 1);
    CHECK(alone == indices_of({first}, 1));
    CHECK(alone != indices_of({first}, 2));
    REQUIRE(both.size() > alone.size());
    CHECK(std::equal(alone.begin(), alone.end(), both.begin()));
}

TEST_CASE("requests of one stream differ, and 32-bit indices are the 64-bit ones") {
    Traffic narrow({{1000, BagLengths::geometric(15), 0.9}}, 1);
    Traffic wide({{1000, BagLengths::geometric(15), 0.9}}, 1);
    RequestBuffers<std::int32_t> first;
    RequestBuffers<std::int32_t> second;
    RequestBuffers<std::int64_t> same;
    narrow.next(8, first);
    narrow.next(8, second);
    wide.next(8, same);
    CHECK(first.indices != second.indices);
    CHECK(std::ranges::equal(first.indices, same.indices));
    CHECK(std::ranges::equal(first.offsets, same.offsets));
}

}  // namespace
}  // namespace rowpool::test
