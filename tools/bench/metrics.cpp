// The measurements of `bench`.
#include "tools/bench/metrics.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "bench/measure/percentile.hpp"
#include "bench/measure/raw_gather.hpp"
#include "support/other_memory.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/progress.hpp"

namespace rowpool::tools {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kRequestSeconds = 1.5;
constexpr double kLongestWarmUp = 5;
constexpr double kFeatureSeconds = 2;  // of all features together, if they are not too many
constexpr double kShortestTurn = 0.0005;
constexpr double kLongestTurn = 0.02;
constexpr std::size_t kFeatureTurns = (1 + std::size(bench::kPrefetchDistances)) * kTurns + kAlternativeTurns;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double total_lookups(const std::vector<StoredRequest>& requests) {
    double sum = 0;
    for (const StoredRequest& request : requests) sum += static_cast<double>(request.indices.size());
    return sum;
}

/// Memory to write over caches with, if this machine has it.
support::OtherMemory other_memory(std::size_t bytes, std::size_t threads) {
    auto other = support::OtherMemory::create(bytes, threads);
    if (!other) fail("--between: ", other.error().message);
    return *std::move(other);
}

/// Asks the model one request after the other.
class Server {
public:
    Server(const Workload& workload, std::size_t threads, std::size_t between)
        : workload_(workload),
          engine_({.threads = threads}),
          other_(other_memory(between, engine_.threads())),
          out_(workload.batch * workload.model.total_dim()) {}

    std::size_t threads() const { return engine_.threads(); }

    /// What comes between two requests.
    void use_caches() { other_.write(); }

    /// Seconds that the next request takes.
    double answer_next() {
        const Request request = workload_.requests[next_++ % workload_.requests.size()].view();
        const Clock::time_point start = Clock::now();
        const PoolStatus status = engine_.pool(workload_.model, request, out_);
        const double seconds = seconds_since(start);
        if (!status) fail(status.message());
        return seconds;
    }

private:
    const Workload& workload_;
    Engine engine_;
    support::OtherMemory other_;
    std::vector<float> out_;
    std::size_t next_ = 0;
};

/// Every request once: what they look up is then in memory.
void warm_up(Server& server, std::size_t requests) {
    const Clock::time_point start = Clock::now();
    for (std::size_t i = 0; i < requests && seconds_since(start) < kLongestWarmUp; ++i) server.answer_next();
}

RequestMetrics measure_requests(const Workload& workload, std::size_t threads, std::size_t between,
                                Progress& progress) {
    Server server(workload, threads, between);
    warm_up(server, workload.requests.size());
    RequestMetrics metrics;
    std::vector<double> times;
    const Clock::time_point start = Clock::now();
    double reported = 0;
    for (double elapsed = 0; times.empty() || elapsed < kRequestSeconds; elapsed = seconds_since(start)) {
        server.use_caches();
        times.push_back(server.answer_next());
        metrics.seconds += times.back();
        if (elapsed < reported + 0.01) continue;
        progress.advance(static_cast<std::uint64_t>(1000 * (elapsed - reported)));
        reported = elapsed;
    }
    metrics.threads = server.threads();
    metrics.timed = times.size();
    metrics.lookups = total_lookups(workload.requests) / static_cast<double>(workload.requests.size());
    metrics.p50 = bench::percentile(times, 0.5);
    metrics.p90 = bench::percentile(times, 0.9);
    metrics.p99 = bench::percentile(times, 0.99);
    return metrics;
}

/// The same rows at the same ids, read without decoding.
Variant raw_gather(const Subject& subject, std::size_t distance) {
    const Table& table = subject.table;
    const bench::RawRows rows = {table.data(), row_bytes(table.format(), table.dim()), table.row_stride()};
    return [&subject, rows, distance](std::size_t call) {
        const std::uint64_t sum = bench::gather_rows(rows, subject.calls[call].indices, distance);
        asm volatile("" : : "r"(sum));  // it is wanted, as far as the compiler knows
    };
}

FeatureMetrics measure_feature(const Workload& workload, std::size_t feature, double turn_seconds,
                               const std::function<void()>& before) {
    const Feature& pooled = workload.model.features()[feature];
    const Subject subject = {pooled.table, pooled.options, workload.lookups_of(feature), turn_seconds, before};
    const Subject stored = stored_rows(subject);
    std::vector<Variant> variants = {pooling(subject)};
    for (const std::size_t distance : bench::kPrefetchDistances) variants.push_back(raw_gather(stored, distance));
    const std::vector<std::size_t> rows = subject.rows();
    const std::vector<double> seconds = time_in_turns(variants, rows, turn_seconds, before);
    FeatureMetrics metrics = {workload.names[feature], pooled.table, 0, seconds[0], 0, {}};
    for (const std::size_t n : rows) metrics.lookups += static_cast<double>(n);
    metrics.lookups /= static_cast<double>(workload.batch * rows.size());
    metrics.limit = *std::min_element(seconds.begin() + 1, seconds.end());
    if (metrics.row > 0) metrics.alternatives = measure_alternatives(stored);
    return metrics;
}

}  // namespace

BenchMetrics measure(const Workload& workload, std::size_t threads, std::size_t between) {
    const auto turns = static_cast<double>(kFeatureTurns);
    const auto features = static_cast<double>(workload.names.size());
    const double turn_seconds = std::clamp(kFeatureSeconds / (turns * features), kShortestTurn, kLongestTurn);
    const auto feature_steps = static_cast<std::uint64_t>(1000 * turns * turn_seconds);
    Progress progress("measuring",
                      static_cast<std::uint64_t>(1000 * kRequestSeconds) + feature_steps * workload.names.size(),
                      Progress::Unit::steps);
    BenchMetrics metrics = {measure_requests(workload, threads, between, progress), {}};
    support::OtherMemory other = other_memory(between, 1);
    std::function<void()> before;
    if (between > 0) before = [&other] { other.write(); };
    for (std::size_t feature = 0; feature < workload.names.size(); ++feature) {
        metrics.features.push_back(measure_feature(workload, feature, turn_seconds, before));
        progress.advance(feature_steps);
    }
    return metrics;
}

}  // namespace rowpool::tools
