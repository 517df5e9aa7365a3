// The models of the benchmarks against the sums that their publications state.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "bench/workloads/models.hpp"

namespace rowpool::test {
namespace {

using bench::FeatureTraffic;
using bench::ModelSpec;

constexpr std::size_t kNoCap = std::size_t{1} << 40;

std::size_t largest_table(const ModelSpec& spec) {
    return std::ranges::max_element(spec.features, {}, &FeatureTraffic::rows)->rows;
}

}  // namespace

TEST_CASE("DLRM-DCNv2 has the tables of MLPerf") {
    const ModelSpec spec = bench::dlrm_dcnv2(kNoCap);
    CHECK(spec.features.size() == 26);
    CHECK(spec.dim == 128);
    CHECK(spec.rows() == 204184588);
    CHECK(spec.lookups_a_sample() == 214);
    CHECK(bench::dlrm_dcnv2(4000000).rows() == 24184588);
    CHECK(bench::dlrm_dcnv2(3).rows() == 26 * 3);
    CHECK(bench::dlrm_dcnv2(200000).lookups_a_sample() == 214);
}

TEST_CASE("RMC1 to 3 have the sizes of DeepRecSys") {
    const auto check = [](const ModelSpec& spec, std::size_t tables, std::size_t rows, std::size_t dim,
                          double lookups) {
        CAPTURE(spec.name);
        CHECK(spec.features.size() == tables);
        CHECK(spec.rows() == tables * rows);
        CHECK(spec.dim == dim);
        CHECK(spec.lookups_a_sample() == lookups);
    };
    check(bench::rmc1(kNoCap), 8, 4000000, 32, 640);
    check(bench::rmc2(kNoCap), 32, 500000, 64, 3840);
    check(bench::rmc3(kNoCap), 10, 2000000, 32, 200);
    check(bench::rmc1(1000), 8, 1000, 32, 640);
}

TEST_CASE("the trace of 2022 has its mean pooling, and a few tables have most of it") {
    const ModelSpec spec = bench::trace_2022(kNoCap);
    REQUIRE(spec.features.size() == 788);
    CHECK(spec.lookups_a_sample() == doctest::Approx(13.6 * 788).epsilon(1e-12));
    CHECK(largest_table(spec) == 200000);
    CHECK(largest_table(bench::trace_2022(16000)) == 16000);

    std::vector<double> means;
    for (const FeatureTraffic& feature : spec.features) means.push_back(feature.lengths.mean());
    std::ranges::sort(means, std::greater());
    double top = 0;
    for (std::size_t f = 0; f < 79; ++f) top += means[f];
    CHECK(top > 0.4 * spec.lookups_a_sample());
    CHECK(means.back() > 0);
}

TEST_CASE("equal tables share the work equally") {
    const ModelSpec spec = bench::equal_tables(10, 500, 64, 20);
    CHECK(spec.rows() == 5000);
    CHECK(spec.lookups_a_sample() == 200);
}

}  // namespace rowpool::test
