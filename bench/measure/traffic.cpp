// Random numbers, Zipf's law, permutations, lengths of bags and whole requests of them.
#include "bench/measure/traffic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace rowpool::bench {
namespace {

constexpr double kSmall = 1e-8;  // below it, two terms of a series are exact to the last bit

/// (e^t - 1) / t, also at 0.
double expm1_over(double t) noexcept { return std::abs(t) < kSmall ? 1 + t / 2 : std::expm1(t) / t; }

/// log(1 + t) / t, also at 0.
double log1p_over(double t) noexcept { return std::abs(t) < kSmall ? 1 - t / 2 : std::log1p(t) / t; }

double standard_normal(Random& random) noexcept {  // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log1p(-random.unit()));
    return radius * std::cos(2 * std::numbers::pi * random.unit());
}

double lognormal_number(double mean, double deviation, Random& random) noexcept {
    const double variance = std::log1p(deviation * deviation / (mean * mean));
    return mean * std::exp(std::sqrt(variance) * standard_normal(random) - variance / 2);
}

double geometric_number(double mean, Random& random) noexcept {
    return std::floor(std::log1p(-random.unit()) / -std::log1p(1 / mean));
}

}  // namespace

// Rank k is 1 to count here. Under the curve x^-alpha, which bends upwards, the area from k - 1/2 to k + 1/2 is at
// least k^-alpha. A point is drawn evenly from that area and belongs to the rank nearest to it; it is taken when it is
// in the last k^-alpha of the area of its rank, and drawn again else. Rank 1 has no more area than it needs.
Zipf::Zipf(std::size_t count, double alpha) noexcept : count_(count), alpha_(alpha) {
    first_area_ = integral(1.5) - 1;
    last_area_ = integral(static_cast<double>(count) + 0.5);
    // Points are taken down to a distance below their rank that grows with the rank; of ranks above 1, 2 has the least.
    always_ = 2 - inverse_integral(integral(2.5) - std::pow(2, -alpha));
}

/// The area under the curve from 1 to x: (x^(1 - alpha) - 1) / (1 - alpha), or log x for alpha = 1.
double Zipf::integral(double x) const noexcept {
    const double log = std::log(x);
    return expm1_over((1 - alpha_) * log) * log;
}

double Zipf::inverse_integral(double area) const noexcept {
    const double grown = std::max((1 - alpha_) * area, -1.0);  // rounding must not leave the range of the logarithm
    return std::exp(log1p_over(grown) * area);
}

std::size_t Zipf::operator()(Random& random) const noexcept {
    if (alpha_ == 0) return random.below(count_);
    for (;;) {
        const double area = last_area_ + random.unit() * (first_area_ - last_area_);
        const double x = inverse_integral(area);
        const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(count_));
        if (rank - x <= always_ || area >= integral(rank + 0.5) - std::pow(rank, -alpha_)) {
            return static_cast<std::size_t>(rank) - 1;
        }
    }
}

Scatter::Scatter(std::size_t count, std::uint64_t seed) noexcept : count_(count) {
    const int unused = std::countl_zero(count_ - 1);  // bits that no number below the count has
    mask_ = unused == 64 ? 0 : std::numeric_limits<std::uint64_t>::max() >> unused;
    shift_ = static_cast<unsigned>(std::max(1, (64 - unused) / 2));
    Random random(seed);
    for (std::uint64_t& key : keys_) key = random.next() | 1;
}

// Each step is a permutation of the numbers of that many bits: the xor, because the upper half stays as it is, and the
// product with an odd number. What leaves [0, count) is permuted again until it is back.
std::size_t Scatter::operator()(std::size_t id) const noexcept {
    std::uint64_t place = id;
    do {
        for (const std::uint64_t key : keys_) place = ((place ^ (place >> shift_)) + key) * key & mask_;
    } while (place >= count_);
    return static_cast<std::size_t>(place);
}

std::size_t BagLengths::operator()(Random& random) const noexcept {
    if (law_ == Law::fixed) return static_cast<std::size_t>(mean_);
    if (law_ == Law::geometric) return static_cast<std::size_t>(geometric_number(mean_, random));
    return static_cast<std::size_t>(lognormal_number(mean_, deviation_, random) + random.unit());
}

Traffic::Traffic(const std::vector<FeatureTraffic>& features, std::uint64_t seed) {
    Random seeds(seed);
    for (const FeatureTraffic& feature : features) {
        const Scatter scatter(feature.rows, seeds.next());
        streams_.push_back({Random(seeds.next()), Zipf(feature.rows, feature.alpha), scatter, feature.lengths});
    }
}

template <class Index>
void Traffic::next(std::size_t batch, RequestBuffers<Index>& request) {
    request.indices.clear();
    request.offsets.assign(1, 0);
    for (Stream& stream : streams_) {
        for (std::size_t sample = 0; sample < batch; ++sample) {
            for (std::size_t left = stream.lengths(stream.random); left > 0; --left) {
                request.indices.push_back(static_cast<Index>(stream.scatter(stream.rank(stream.random))));
            }
            request.offsets.push_back(static_cast<Index>(request.indices.size()));
        }
    }
}

template void Traffic::next(std::size_t batch, RequestBuffers<std::int32_t>& request);
template void Traffic::next(std::size_t batch, RequestBuffers<std::int64_t>& request);

}  // namespace rowpool::bench
