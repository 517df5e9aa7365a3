// Index traffic of recommendation models: which rows are looked up, and how many per bag.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/random.hpp"

namespace rowpool::bench {

using support::Random;

/// Zipf-distributed ranks: rank k of [0, count) with a probability proportional to (k + 1)^-alpha. Exact for every
/// count, without a table; takes about two powers per rank. Immutable.
/// Source: W. Hoermann, G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions",
/// ACM Transactions on Modeling and Computer Simulation 6(3), 1996.
class Zipf {
public:
    /// `count` from 1 to 2^52; `alpha` finite and not negative, 0 for uniform ranks.
    Zipf(std::size_t count, double alpha) noexcept;

    std::size_t operator()(Random& random) const noexcept;

private:
    double integral(double x) const noexcept;
    double inverse_integral(double area) const noexcept;

    std::size_t count_;
    double alpha_;
    double first_area_;  // where the ranks' areas under the hat function begin
    double last_area_;   // and end
    double always_;      // a point that is no further below its rank is always accepted
};

/// A fixed pseudorandom permutation of [0, count), which scatters the frequent ranks over a table. Immutable. Source:
/// cycle walking, J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
class Scatter {
public:
    /// `count` is at least 1.
    Scatter(std::size_t count, std::uint64_t seed) noexcept;

    /// The image of `id`, which is below `count`.
    std::size_t operator()(std::size_t id) const noexcept;

private:
    std::uint64_t count_;
    std::uint64_t mask_;  // the smallest power of two of at least `count`, minus one
    unsigned shift_;
    std::array<std::uint64_t, 4> keys_;
};

/// The distribution of bag lengths. The mean is exact for each of them; long bags are rare but occur: see the
/// parameters.
class BagLengths {
public:
    /// Always `length`.
    static BagLengths fixed(std::size_t length) noexcept { return {Law::fixed, static_cast<double>(length), 0}; }
    /// Geometric: 0, 1, 2, ... with probabilities that fall by a constant factor; the standard deviation is about the
    /// mean, which is not negative.
    static BagLengths geometric(double mean) noexcept { return {Law::geometric, mean, 0}; }
    /// Lognormal with this mean and standard deviation, both above 0, rounded at random to one of the two nearest
    /// integers.
    static BagLengths lognormal(double mean, double deviation) noexcept { return {Law::lognormal, mean, deviation}; }

    std::size_t operator()(Random& random) const noexcept;
    double mean() const noexcept { return mean_; }

private:
    enum class Law : std::uint8_t { fixed, geometric, lognormal };
    BagLengths(Law law, double mean, double deviation) noexcept : law_(law), mean_(mean), deviation_(deviation) {}

    Law law_;
    double mean_;
    double deviation_;
};

/// The traffic of one feature of a model.
struct FeatureTraffic {
    std::size_t rows = 1;  ///< of its table; at least 1
    BagLengths lengths = BagLengths::fixed(20);
    double alpha = 1.05;  ///< Zipf exponent over all rows; 0 for uniform ids
};

/// The buffers of a request: see rowpool::Request. The bags of feature f begin at f * batch.
template <class Index>
struct RequestBuffers {
    std::vector<Index> indices;
    std::vector<Index> offsets;  ///< features * batch + 1
};

/// An endless stream of requests. Every feature has its own random stream, so that its lookups depend only on the seed
/// and its position. The same on all machines whose C libraries compute equal powers.
class Traffic {
public:
    Traffic(const std::vector<FeatureTraffic>& features, std::uint64_t seed);

    /// The next request, of that many samples. Index is std::int32_t or std::int64_t, and must hold the rows and the
    /// number of indices. Throws std::bad_alloc.
    template <class Index>
    void next(std::size_t batch, RequestBuffers<Index>& request);

private:
    struct Stream {
        Random random;
        Zipf rank;
        Scatter scatter;
        BagLengths lengths;
    };
    std::vector<Stream> streams_;
};

}  // namespace rowpool::bench
