// How a case of requests runs; see request_case.hpp.
#include "bench/cases/request_case.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/cases/reference.hpp"
#include "bench/limits/limits.hpp"
#include "bench/workloads/request_workload.hpp"

namespace rowpool::bench {
namespace {

/// Bags of one feature of a request, whose offsets begin at 0.
struct FeatureBags {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> offsets;

    FeatureBags(const Request& request, std::size_t feature, std::size_t batch) {
        const auto offset = [&](std::size_t bag) {
            return static_cast<std::int32_t>(request.offsets[feature * batch + bag]);
        };
        for (std::size_t bag = 0; bag <= batch; ++bag) offsets.push_back(offset(bag) - offset(0));
        const auto* const indices = static_cast<const std::int32_t*>(request.indices.data());
        ids.assign(indices + offset(0), indices + offset(batch));
    }
    std::span<const std::int32_t> bag(std::size_t b) const {
        return std::span(ids).subspan(static_cast<std::size_t>(offsets[b]),
                                      static_cast<std::size_t>(offsets[b + 1] - offsets[b]));
    }
};

void check_feature(const Feature& feature, const FeatureBags& bags, std::span<const float> out, std::size_t stride) {
    const std::size_t batch = bags.offsets.size() - 1;
    const std::size_t dim = feature.table.dim();
    std::vector<float> expected(batch * dim);
    const PoolStatus status = pool(feature.table, {bags.ids, bags.offsets}, feature.options, expected);
    if (!status) throw WrongResult(status.message());
    for (std::size_t b = 0; b < batch; ++b) {
        if (!std::ranges::equal(std::span(expected).subspan(b * dim, dim), out.subspan(b * stride, dim))) {
            throw WrongResult("the engine's sums are not those of pool()");
        }
    }
    for (const std::size_t b : {std::size_t{0}, batch - 1}) {
        if (!std::ranges::equal(reference_sum(feature.table, bags.bag(b)), out.subspan(b * stride, dim))) {
            throw WrongResult("wrong sums");
        }
    }
}

/// What a row took, alone and beside the raw gather on as many threads.
void report(benchmark::State& state, const FilledModel& model, const RequestSet& requests, std::size_t threads,
            double seconds_a_row) {
    const std::vector<GatherPass> passes = requests.gather_passes(model.model());
    state.counters["ns_row"] = 1e9 * seconds_a_row;
    state.counters["pct_limit"] = 100 * best_gather_seconds(passes, threads) / seconds_a_row;
    state.counters["lookups"] = requests.mean_lookups();
}

void run(benchmark::State& state, const RequestCase& c) {
    const FilledModel& model = kept<FilledModel>(c.spec);
    const RequestSet& requests = kept<RequestSet>(c.spec, c.batch);
    const RequestOutput out(model.model(), c.batch);
    const Engine engine({.threads = c.threads});
    check_answer(engine, model.model(), requests.at(0), out.values());

    std::size_t done = 0;
    std::size_t rows = 0;
    const double start = clock_seconds(engine.threads());
    for (auto _ : state) {
        answer(engine, model.model(), requests.at(done), out.values());
        rows += requests.lookups(done++);
    }
    const double seconds = clock_seconds(engine.threads()) - start;
    report(state, model, requests, engine.threads(), seconds / static_cast<double>(rows));
    state.SetItemsProcessed(static_cast<std::int64_t>(rows));
    state.SetBytesProcessed(static_cast<std::int64_t>(rows * row_bytes(kModelFormat, c.spec->dim)));
}

}  // namespace

void answer(const Engine& engine, const Model& model, const Request& request, std::span<float> out) {
    const PoolStatus status = engine.pool(model, request, out);
    if (!status) throw WrongResult(status.message());
}

void check_answer(const Engine& engine, const Model& model, const Request& request, std::span<float> out) {
    answer(engine, model, request, out);
    const std::size_t features = model.features().size();
    for (std::size_t f = 0; f < features; ++f) {
        const FeatureBags bags(request, f, (request.offsets.size() - 1) / features);
        check_feature(model.features()[f], bags, out.subspan(model.column(f)), model.total_dim());
    }
}

void add_request_case(const std::string& name, const RequestCase& c) {
    auto* const added = add_case(name + threads_name(c.threads), [c](benchmark::State& state) { run(state, c); });
    if (c.threads != 1) added->UseRealTime();
    constexpr double kMillions = 2e6;
    if (c.spec->lookups_a_sample() * static_cast<double>(c.batch) > kMillions) added->Iterations(3);
}

}  // namespace rowpool::bench
