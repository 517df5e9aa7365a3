// Makes a click log with the statistics of Criteo's: click_log OUT SAMPLES
//
// 26 features with Criteo's numbers of ids (at most 100,000), the frequent ones by a power law; 13 numbers; and labels
// of a hidden model, in which ids and pairs of ids make a click more or less likely. OUT holds, one array after the
// other, int32 ids[samples][26], f32 numbers[samples][13], f32 labels[samples].
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <vector>

namespace {

constexpr std::size_t kFeatures = 26, kNumbers = 13, kMostIds = 100'000, kFactors = 4;
constexpr std::size_t kIds[kFeatures] = {40000000, 39060,    17295,    7424,     20265,  3,     7122, 1543, 63,
                                         40000000, 3067956,  405282,   10,       2209,   11938, 155,  4,    976,
                                         14,       40000000, 40000000, 40000000, 590152, 12973, 108,  36};
constexpr double kExponent = 1.05;  // of the power law

using Random = std::mt19937_64;

/// What the hidden model knows of the ids of a feature: how much each adds, and factors for pairs.
struct HiddenFeature {
    std::size_t ids;
    std::vector<float> effects;
    std::vector<std::array<float, kFactors>> factors;

    HiddenFeature(std::size_t count, Random& random) : ids(std::min(count, kMostIds)), effects(ids), factors(ids) {
        std::normal_distribution<float> normal;
        for (float& effect : effects) effect = 0.35f * normal(random);
        for (auto& factor : factors) {
            for (float& value : factor) value = 0.35f * normal(random);
        }
    }

    /// An id by the power law, the frequent ones scattered.
    std::int32_t draw(Random& random) const {
        const double u = std::uniform_real_distribution<double>()(random), power = 1 - kExponent;
        const auto rank = std::pow((std::pow(static_cast<double>(ids), power) - 1) * u + 1, 1 / power);
        return static_cast<std::int32_t>((static_cast<std::uint64_t>(rank) - 1) * 2654435761u % ids);
    }
};

template <class T>
void write(std::ofstream& file, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t samples = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (samples == 0) return std::fputs("usage: click_log OUT SAMPLES\n", stderr), 1;
    Random random(1);
    std::vector<HiddenFeature> features;
    for (const std::size_t count : kIds) features.emplace_back(count, random);
    std::vector<std::int32_t> ids(samples * kFeatures);
    std::vector<float> numbers(samples * kNumbers), labels(samples);
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform;
    for (std::size_t s = 0; s < samples; ++s) {
        float logit = -1.2f;  // about a quarter of clicks, as in Criteo's log
        std::array<float, kFactors> sum{}, squares{};
        for (std::size_t f = 0; f < kFeatures; ++f) {
            const auto id = static_cast<std::size_t>(ids[s * kFeatures + f] = features[f].draw(random));
            logit += features[f].effects[id];
            for (std::size_t k = 0; k < kFactors; ++k) {
                sum[k] += features[f].factors[id][k];
                squares[k] += features[f].factors[id][k] * features[f].factors[id][k];
            }
        }
        // All pairs at once: a factorization machine (Rendle, ICDM 2010).
        for (std::size_t k = 0; k < kFactors; ++k) logit += 0.1f * (sum[k] * sum[k] - squares[k]);
        for (std::size_t n = 0; n < kNumbers; ++n) {
            const float number = numbers[s * kNumbers + n] = normal(random);
            logit += (n % 2 == 0 ? 0.15f : -0.15f) * number;
        }
        labels[s] = uniform(random) < 1 / (1 + std::exp(-logit)) ? 1.0f : 0.0f;
    }
    std::ofstream file(argv[1], std::ios::binary);
    write(file, ids);
    write(file, numbers);
    write(file, labels);
    file.close();
    if (!file) return std::fprintf(stderr, "click_log: cannot write %s\n", argv[1]), 1;
}
