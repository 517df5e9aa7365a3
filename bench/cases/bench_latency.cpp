// Latencies of single requests that arrive in an open loop, under several callers that share one engine.
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/request_case.hpp"
#include "bench/cases/suite.hpp"
#include "bench/limits/limits.hpp"
#include "bench/measure/percentile.hpp"
#include "bench/workloads/models.hpp"
#include "bench/workloads/open_loop.hpp"
#include "bench/workloads/request_workload.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kArrivals = 10000;  // ten of them are beyond p99.9
constexpr std::size_t kLoads[] = {30, 60, 80};
constexpr std::size_t kBatches[] = {1, 64, 256};  // of the large model
constexpr std::size_t kCallers[] = {1, 2, 4};
constexpr std::pair<const char*, double> kPercentiles[] = {
    {"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}, {"p99_9_us", 0.999}};

struct Case {
    const ModelSpec* spec;
    std::size_t batch;
    std::size_t load;  // percent of what one caller gets done
    std::size_t callers;
};

/// Requests a second that one caller gets answered when it sends one after the other, by the median of their times.
double capacity(const Engine& engine, const Model& model, const RequestSet& requests, std::span<float> out) {
    constexpr std::size_t kRequests = 2000;
    std::vector<double> taken(kRequests);
    for (std::size_t i = 0; i < kRequests; ++i) {
        const double start = clock_seconds(kRealTime);
        answer(engine, model, requests.at(i), out);
        taken[i] = clock_seconds(kRealTime) - start;
    }
    return 1 / percentile(std::move(taken), 0.5);
}

/// Latencies of kArrivals requests at that rate.
std::vector<double> latencies(const Engine& engine, const Model& model, const RequestSet& requests, double rate,
                              std::size_t callers) {
    std::vector<std::unique_ptr<RequestOutput>> outputs;
    for (std::size_t i = 0; i < callers; ++i)
        outputs.push_back(std::make_unique<RequestOutput>(model, requests.batch()));
    std::atomic<bool> failed = false;
    const std::vector<double> arrivals = poisson_arrivals(kArrivals, rate, 1);
    std::vector<double> taken = run_open_loop(arrivals, callers, [&](std::size_t caller, std::size_t arrival) {
        if (!engine.pool(model, requests.at(arrival), outputs[caller]->values())) failed = true;
    });
    if (failed) throw WrongResult("a request failed");
    return taken;
}

void open_loop(benchmark::State& state, const Case& c) {
    const Model& model = kept<FilledModel>(c.spec).model();
    const RequestSet& requests = kept<RequestSet>(c.spec, c.batch);
    const RequestOutput out(model, c.batch);
    const Engine engine;
    check_answer(engine, model, requests.at(0), out.values());

    const double full = capacity(engine, model, requests, out.values());
    const double rate = full * static_cast<double>(c.load) / 100;
    std::vector<double> taken;
    for (auto _ : state) taken = latencies(engine, model, requests, rate, c.callers);
    for (const auto& [name, share] : kPercentiles) state.counters[name] = 1e6 * percentile(taken, share);
    state.counters["capacity_per_s"] = full;
    state.counters["offered_per_s"] = rate;
}

void register_model(const ModelSpec& spec, std::size_t row_cap, std::size_t batch) {
    const std::string model =
        "latency/" + spec.name + "/rows:" + std::to_string(row_cap) + "/batch:" + std::to_string(batch);
    for (const std::size_t load : kLoads) {
        for (const std::size_t callers : kCallers) {
            const std::string name = model + "/load:" + std::to_string(load) + "/callers:" + std::to_string(callers);
            const Case c{&spec, batch, load, callers};
            add_case(name, [c](benchmark::State& state) { open_loop(state, c); })
                ->Iterations(1)
                ->UseRealTime()
                ->Unit(benchmark::kSecond);
        }
    }
}

}  // namespace

void register_latency(Grid grid) {
    static const ModelSpec small = dlrm_dcnv2(200000);
    register_model(small, 200000, 64);
    if (grid != Grid::large) return;
    static const ModelSpec whole = dlrm_dcnv2(4000000);
    for (const std::size_t batch : kBatches) register_model(whole, 4000000, batch);
}

}  // namespace rowpool::bench
