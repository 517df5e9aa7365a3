// The machine's limits, measured in the run whose metrics they explain.
#include "bench/limits/limits.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/limits/raw_read.hpp"
#include "bench/measure/thread_clock.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kSamples = 5;
constexpr std::size_t kLongPass = 1000000;               // rows of a pass that is its own average
constexpr std::size_t kLongest = std::size_t{64} << 20;  // of a larger table, this much says what memory gives

/// Keeps a sum whose value nobody wants.
void use(std::uint32_t sum) noexcept { asm volatile("" : : "r"(sum)); }

/// The median over that many runs of what f() returns.
template <class F>
double median_of(std::size_t count, const F& f) {
    std::vector<double> samples(count);
    for (double& sample : samples) sample = f();
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(count / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
}

std::size_t rows_of(const GatherPass& pass) {
    std::size_t rows = 0;
    for (const RowReads& reads : pass) rows += reads.ids.size();
    return rows;
}

/// Gathers share `part` of `parts` of the ids of every table.
void gather_share(const GatherPass& pass, std::size_t distance, std::size_t part, std::size_t parts) noexcept {
    for (const RowReads& reads : pass) {
        const std::size_t from = reads.ids.size() * part / parts;
        const std::size_t to = reads.ids.size() * (part + 1) / parts;
        use(gather_of(reads.row_bytes)(reads.rows, reads.ids.subspan(from, to - from), distance));
    }
}

/// Seconds a row of one pass, by the clock for so many threads.
double gather_seconds(const GatherPass& pass, std::size_t distance, std::size_t threads, std::size_t clock) {
    const double start = clock_seconds(clock);
    {
        std::vector<std::jthread> others;
        for (std::size_t part = 1; part < threads; ++part) {
            others.emplace_back([&pass, distance, part, threads] { gather_share(pass, distance, part, threads); });
        }
        gather_share(pass, distance, 0, threads);
    }
    return (clock_seconds(clock) - start) / static_cast<double>(rows_of(pass));
}

}  // namespace

double clock_seconds(std::size_t threads) noexcept {
    if (threads == 1) return thread_seconds();
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<GatherPass> gather_passes(const Table& table, std::span<const std::int32_t> ids, std::size_t pass_ids) {
    std::vector<GatherPass> passes;
    for (; ids.size() >= pass_ids; ids = ids.subspan(pass_ids)) {
        passes.push_back({{table.data(), table.row_stride(), ids.first(pass_ids)}});
    }
    return passes;
}

double best_gather_seconds(std::span<const GatherPass> passes, std::size_t threads,
                           const std::function<void()>& between) {
    const std::size_t samples = rows_of(passes[0]) < kLongPass ? kSamples : 1;
    const std::size_t clock = between ? kRealTime : threads;
    std::size_t next = 0;
    double best = 0;
    for (const std::size_t distance : kPrefetchDistances) {
        const double seconds = median_of(samples, [&] {
            if (between) between();
            return gather_seconds(passes[next++ % passes.size()], distance, threads, clock);
        });
        if (best == 0 || seconds < best) best = seconds;
    }
    return best;
}

double sequential_seconds(std::span<const std::byte> bytes) {
    bytes = bytes.first(std::min(bytes.size(), kLongest));
    const std::size_t passes = 1 + (std::size_t{16} << 20) / bytes.size();  // one sample is long enough for the clock
    const double seconds = median_of(kSamples, [&] {
        const double start = clock_seconds(1);
        for (std::size_t pass = 0; pass < passes; ++pass) {
            use(read_sequentially(bytes));
            asm volatile("" : : : "memory");  // another pass reads again
        }
        return clock_seconds(1) - start;
    });
    return seconds / static_cast<double>(passes * bytes.size());
}

}  // namespace rowpool::bench
