// The model and the requests of `bench`.
#include "tools/bench/workload.hpp"

#include <algorithm>
#include <utility>

#include "bench/measure/traffic.hpp"
#include "rowpool/tuning.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/memory.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/numpy/trace.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kNumbers = 4'000'000;  // indices and offsets of all requests; 256 MB in rows of one cache line
constexpr std::size_t kMostRequests = 4096;

/// The tables that the command line names, or all.
std::vector<Table> choose_tables(const TableFile& file, const std::vector<std::string>& names) {
    std::vector<Table> tables;
    for (const std::string& name : names) {
        const Table table = value_of(file.table(name));
        const bool repeated =
            std::any_of(tables.begin(), tables.end(), [&](const Table& t) { return t.name() == name; });
        if (!repeated) tables.push_back(table);
    }
    if (names.empty()) tables.assign(file.tables().begin(), file.tables().end());
    if (tables.empty()) fail(file.path(), ": no table in it: no two-dimensional F32, F16 or BF16 tensor");
    return tables;
}

void refuse_empty(const TableFile& file, const Table& table) {
    if (table.rows() == 0) fail(file.path(), ": table ", printable(table.name()), " has no row to look up");
}

/// A model with a feature for each table.
Model make_model(const std::vector<Table>& tables, const BenchOptions& options) {
    std::vector<Feature> features;
    for (const Table& table : tables) features.push_back({table, {.mode = options.mode}});
    Model model = value_of(Model::create(std::move(features)));
    if (options.profile.empty()) return model;
    return value_of(with_profile(model, value_of(load_profile(options.profile))));
}

/// Refuses requests that this machine cannot hold: their indices, and their results.
void check_size(const Model& model, std::size_t batch, double lookups) {
    const double bytes = lookups * sizeof(std::int64_t) +
                         static_cast<double>(batch) * static_cast<double>(model.total_dim()) * sizeof(float);
    if (bytes > static_cast<double>(physical_memory()) / 2) {
        fail("a request of ", batch, " samples takes ", short_number(bytes / 1e9), " GB; half of the memory is ",
             human_bytes(physical_memory() / 2));
    }
}

bool are_enough(const std::vector<StoredRequest>& requests) {
    std::size_t numbers = 0;
    for (const StoredRequest& request : requests) numbers += request.indices.size() + request.offsets.size();
    return numbers >= kNumbers || requests.size() >= kMostRequests;
}

Workload made_up(const TableFile& file, const BenchOptions& options) {
    const std::vector<Table> tables = choose_tables(file, options.tables);
    Workload workload = {make_model(tables, options), {}, {}, options.batch, 0};
    std::vector<bench::FeatureTraffic> features;
    for (const Table& table : tables) {
        refuse_empty(file, table);
        features.push_back({table.num_ids(), bench::BagLengths::fixed(options.bag), options.zipf});
        workload.names.emplace_back(table.name());
    }
    check_size(workload.model, options.batch,
               static_cast<double>(options.batch) * static_cast<double>(options.bag * tables.size()));
    bench::Traffic traffic(features, kSeed);
    while (!are_enough(workload.requests)) {
        bench::RequestBuffers<std::int64_t> next;
        traffic.next(options.batch, next);
        workload.requests.push_back({std::move(next.indices), std::move(next.offsets), {}});
    }
    return workload;
}

/// Appends one sample of a feature.
void append_sample(const TraceFeature& feature, std::size_t sample, bool weighted, StoredRequest& request) {
    const IndexSpan indices = index_values(feature.indices, "indices");
    const IndexSpan offsets = index_values(feature.offsets, "offsets");
    const std::span<const float> weights =
        feature.weights ? float_values(*feature.weights, "weights") : std::span<const float>();
    const auto begin = static_cast<std::size_t>(offsets[sample]);
    const auto end = static_cast<std::size_t>(offsets[sample + 1]);
    for (std::size_t i = begin; i < end; ++i) {
        request.indices.push_back(indices[i]);
        if (weighted) request.weights.push_back(weights.empty() ? 1 : weights[i]);
    }
    request.offsets.push_back(static_cast<std::int64_t>(request.indices.size()));
}

/// Samples [first, first + batch) of the trace, which begins again at its end.
StoredRequest cut(const Trace& trace, std::size_t first, std::size_t batch, bool weighted) {
    StoredRequest request;
    for (const TraceFeature& feature : trace.features) {
        for (std::size_t i = 0; i < batch; ++i) {
            append_sample(feature, (first + i) % trace.samples, weighted, request);
        }
    }
    return request;
}

/// Takes out what is not of these tables.
void keep_features(Trace& trace, std::span<const Table> all, const std::vector<Table>& tables) {
    for (const Table& table : tables) {
        const auto is_of_it = [&](const TraceFeature& feature) { return all[feature.table].name() == table.name(); };
        if (std::any_of(trace.features.begin(), trace.features.end(), is_of_it)) continue;
        fail(trace.path, ": no feature of table ", printable(table.name()));
    }
    std::erase_if(trace.features, [&](const TraceFeature& feature) {
        return std::none_of(tables.begin(), tables.end(),
                            [&](const Table& table) { return all[feature.table].name() == table.name(); });
    });
}

Workload recorded(const TableFile& file, const BenchOptions& options) {
    Trace trace = open_trace(options.trace, traced_tables(file.tables()));
    if (!options.tables.empty()) keep_features(trace, file.tables(), choose_tables(file, options.tables));
    std::vector<Table> tables;
    std::vector<std::string> names;
    double lookups = 0;
    bool weighted = false;
    for (const TraceFeature& feature : trace.features) {
        tables.push_back(file.tables()[feature.table]);
        if (feature.indices.size != 0) refuse_empty(file, tables.back());
        names.push_back(feature.name);
        lookups += static_cast<double>(feature.indices.size);
        weighted = weighted || feature.weights;
    }
    Workload workload = {make_model(tables, options), std::move(names), {}, options.batch, trace.samples};
    const auto samples = static_cast<double>(trace.samples);
    check_size(workload.model, options.batch, lookups / samples * static_cast<double>(options.batch));
    for (std::size_t first = 0; first < trace.samples && !are_enough(workload.requests); first += options.batch) {
        workload.requests.push_back(cut(trace, first, options.batch, weighted));
    }
    return workload;
}

}  // namespace

std::vector<Lookups> Workload::lookups_of(std::size_t feature) const {
    std::vector<Lookups> all;
    for (const StoredRequest& request : requests) {
        const auto begin = request.offsets.begin() + static_cast<std::ptrdiff_t>(feature * batch);
        const std::int64_t first = *begin;
        const std::int64_t last = begin[static_cast<std::ptrdiff_t>(batch)];
        Lookups lookups = {{request.indices.begin() + first, request.indices.begin() + last}, {}, {}};
        std::transform(begin, begin + static_cast<std::ptrdiff_t>(batch) + 1, std::back_inserter(lookups.offsets),
                       [&](std::int64_t offset) { return offset - first; });
        if (!request.weights.empty()) {
            lookups.weights.assign(request.weights.begin() + first, request.weights.begin() + last);
        }
        all.push_back(std::move(lookups));
    }
    return all;
}

Workload make_workload(const BenchOptions& options) {
    const TableFile file = open_table_file(options.file);
    return options.trace.empty() ? made_up(file, options) : recorded(file, options);
}

}  // namespace rowpool::tools
