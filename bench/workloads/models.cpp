// The shapes of published models; see models.hpp.
#include "bench/workloads/models.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace rowpool::bench {
namespace {

constexpr double kPublicAlpha = 1.05;

ModelSpec equal_features(const char* name, std::size_t dim, std::size_t tables, const FeatureTraffic& feature) {
    return {name, dim, std::vector<FeatureTraffic>(tables, feature)};
}

/// Mean lookups of each of `tables` tables: a long tail, scaled to a mean of exactly `mean`.
std::vector<double> long_tailed_means(std::size_t tables, double mean, double deviation) {
    Random random(2022);
    const BagLengths draw = BagLengths::lognormal(mean, deviation);
    std::vector<double> means(tables);
    double sum = 0;
    for (double& value : means) sum += value = static_cast<double>(1 + draw(random));
    for (double& value : means) value *= mean * static_cast<double>(tables) / sum;
    return means;
}

}  // namespace

double ModelSpec::lookups_a_sample() const noexcept {
    double sum = 0;
    for (const FeatureTraffic& feature : features) sum += feature.lengths.mean();
    return sum;
}

std::size_t ModelSpec::rows() const noexcept {
    std::size_t sum = 0;
    for (const FeatureTraffic& feature : features) sum += feature.rows;
    return sum;
}

ModelSpec dlrm_dcnv2(std::size_t row_cap) {
    struct Shape {
        std::uint32_t rows;
        std::uint8_t hot;
    };
    constexpr Shape kShapes[] = {
        {40000000, 3},  {39060, 2},   {17295, 1},    {7424, 2},    {20265, 6},  {3, 1},         {7122, 1},
        {1543, 1},      {63, 1},      {40000000, 7}, {3067956, 3}, {405282, 8}, {10, 1},        {2209, 6},
        {11938, 9},     {155, 5},     {4, 1},        {976, 1},     {14, 1},     {40000000, 12}, {40000000, 100},
        {40000000, 27}, {590152, 10}, {12973, 3},    {108, 1},     {36, 1}};
    ModelSpec spec{"dlrm-dcnv2", 128, {}};
    for (const Shape& shape : kShapes) {
        const std::size_t rows = std::min<std::size_t>(shape.rows, row_cap);
        spec.features.push_back({rows, BagLengths::fixed(shape.hot), kPublicAlpha});
    }
    return spec;
}

ModelSpec dlrm_dcnv2_uniform(std::size_t row_cap) {
    ModelSpec spec = dlrm_dcnv2(row_cap);
    spec.name += "-uniform";
    for (FeatureTraffic& feature : spec.features) feature.alpha = 0;
    return spec;
}

ModelSpec rmc1(std::size_t row_cap) {
    return equal_features("rmc1", 32, 8,
                          {std::min<std::size_t>(4000000, row_cap), BagLengths::fixed(80), kPublicAlpha});
}

ModelSpec rmc2(std::size_t row_cap) {
    return equal_features("rmc2", 64, 32,
                          {std::min<std::size_t>(500000, row_cap), BagLengths::fixed(120), kPublicAlpha});
}

ModelSpec rmc3(std::size_t row_cap) {
    return equal_features("rmc3", 32, 10,
                          {std::min<std::size_t>(2000000, row_cap), BagLengths::fixed(20), kPublicAlpha});
}

ModelSpec trace_2022(std::size_t row_cap) {
    ModelSpec spec{"trace-2022", 64, {}};
    for (const double mean : long_tailed_means(788, 13.6, 30)) {
        spec.features.push_back({std::min<std::size_t>(200000, row_cap), BagLengths::geometric(mean), 1.04});
    }
    return spec;
}

ModelSpec equal_tables(std::size_t tables, std::size_t rows, std::size_t dim, std::size_t bag_length) {
    return equal_features("equal", dim, tables, {rows, BagLengths::fixed(bag_length), 0});
}

}  // namespace rowpool::bench
