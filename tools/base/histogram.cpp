// How many values are in each of a row of bins.
#include "tools/base/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rowpool::tools {

namespace {

constexpr double kDecadesForLog = 2;

/// Bins of one width from `least` to `most`; a range without width gets one, around it.
std::vector<double> edges_between(double least, double most, std::size_t bins) {
    if (!(least < most)) {
        const double margin = std::max(std::abs(least) * 0.1, 1e-3);
        least -= margin;
        most += margin;
    }
    std::vector<double> edges;
    for (std::size_t i = 0; i <= bins; ++i) {
        edges.push_back(least + (most - least) * (static_cast<double>(i) / static_cast<double>(bins)));
    }
    return edges;
}

/// Counts on_axis(value) of the values for which it is finite, in bins of one width.
template <class OnAxis>
Histogram counted(std::span<const float> values, std::size_t bins, const OnAxis& on_axis) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const float value : values) {
        const double at = on_axis(value);
        if (!std::isfinite(at)) continue;
        least = std::min(least, at);
        most = std::max(most, at);
    }
    if (least > most) return {};
    Histogram histogram = {edges_between(least, most, bins), std::vector<std::uint64_t>(bins)};
    const double start = histogram.edges.front();
    const double scale = static_cast<double>(bins) / (histogram.edges.back() - start);
    for (const float value : values) {
        const double at = (on_axis(value) - start) * scale;
        if (std::isfinite(at)) ++histogram.counts[std::min(bins - 1, static_cast<std::size_t>(std::max(at, 0.0)))];
    }
    return histogram;
}

/// The least and the most of the finite values above 0; no range when there is none.
std::pair<float, float> positive_range(std::span<const float> values) {
    std::pair<float, float> range = {std::numeric_limits<float>::infinity(), 0.0F};
    for (const float value : values) {
        if (!(value > 0) || !std::isfinite(value)) continue;
        range = {std::min(range.first, value), std::max(range.second, value)};
    }
    return range;
}

}  // namespace

ValueRange range_of(std::span<const float> values) {
    ValueRange range;
    for (const float value : values) {
        if (!std::isfinite(value)) {
            ++range.not_finite;
            continue;
        }
        const auto wide = static_cast<double>(value);
        range.least = range.finite == 0 ? wide : std::min(range.least, wide);
        range.most = range.finite == 0 ? wide : std::max(range.most, wide);
        if (value == 0) ++range.zeros;
        ++range.finite;
    }
    return range;
}

bool wants_log(std::span<const float> values) {
    const auto [least, most] = positive_range(values);
    return least < most && std::log10(most) - std::log10(least) > kDecadesForLog;
}

Histogram linear_histogram(std::span<const float> values, std::size_t bins) {
    return counted(values, bins, [](float value) { return static_cast<double>(value); });
}

Histogram log_histogram(std::span<const float> values, std::size_t bins) {
    Histogram histogram =
        counted(values, bins, [](float value) { return value > 0 ? std::log10(static_cast<double>(value)) : NAN; });
    for (double& edge : histogram.edges) edge = std::pow(10.0, edge);
    return histogram;
}

}  // namespace rowpool::tools
