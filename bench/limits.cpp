// The machine's limits, measured in the run whose figures they explain.
#include "bench/limits.hpp"

#include <algorithm>
#include <array>

#include "bench/raw_read.hpp"
#include "bench/thread_clock.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kSamples = 5;
constexpr std::size_t kLongest = std::size_t{64} << 20;  // of a larger table, this much says what memory gives

/// Keeps a sum whose value nobody wants.
void use(std::uint32_t sum) noexcept { asm volatile("" : : "r"(sum)); }

/// The median over kSamples runs of the seconds that f() takes.
template <class F>
double median_seconds(const F& f) {
    std::array<double, kSamples> samples;
    for (double& sample : samples) {
        const double start = thread_seconds();
        use(f());
        sample = thread_seconds() - start;
    }
    std::nth_element(samples.begin(), samples.begin() + kSamples / 2, samples.end());
    return samples[kSamples / 2];
}

}  // namespace

double best_gather_seconds(std::span<const std::byte> table, std::size_t row_bytes, IdSets& ids) {
    const GatherFn gather = gather_of(row_bytes);
    if (gather == nullptr) return 0;
    double best = 0;
    for (const std::size_t distance : kPrefetchDistances) {
        std::size_t rows = 0;
        const double seconds = median_seconds([&] {
            const std::span<const std::int32_t> set = ids.next();
            rows = set.size();
            return gather(table.data(), set, distance);
        });
        const double per_row = seconds / static_cast<double>(rows);
        if (best == 0 || per_row < best) best = per_row;
    }
    return best;
}

double sequential_seconds(std::span<const std::byte> bytes) {
    bytes = bytes.first(std::min(bytes.size(), kLongest));
    const std::size_t passes = 1 + (std::size_t{16} << 20) / bytes.size();  // one sample is long enough for the clock
    const double seconds = median_seconds([&] {
        std::uint32_t sum = 0;
        for (std::size_t pass = 0; pass < passes; ++pass) {
            sum += read_sequentially(bytes);
            asm volatile("" : : : "memory");  // another pass reads again
        }
        return sum;
    });
    return seconds / static_cast<double>(passes * bytes.size());
}

}  // namespace rowpool::bench
