// Models in memory and requests to them.
#include "bench/workloads/request_workload.hpp"

#include <algorithm>
#include <stdexcept>

#include "bench/workloads/workload.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kLine = 64;
constexpr double kSetLookups = 1 << 20;     // of all requests of a set, when one has not more
constexpr std::size_t kMaxRequests = 4096;  // what tiny ones take to make grows with their number
constexpr std::size_t kMaxPasses = 4;

std::size_t table_bytes(const ModelSpec& spec, const FeatureTraffic& feature) {
    return (feature.rows * row_bytes(kModelFormat, spec.dim) + kLine - 1) / kLine * kLine;
}

std::size_t model_bytes(const ModelSpec& spec) {
    std::size_t bytes = 0;
    for (const FeatureTraffic& feature : spec.features) bytes += table_bytes(spec, feature);
    return bytes;
}

Model fill_model(const ModelSpec& spec, std::span<std::byte> buffer) {
    const std::vector<std::byte> pattern = row_pattern(kModelFormat, spec.dim);
    std::vector<Feature> features;
    for (const FeatureTraffic& feature : spec.features) {
        const std::span<std::byte> rows = buffer.first(feature.rows * row_bytes(kModelFormat, spec.dim));
        features.push_back({fill_table(rows, pattern, kModelFormat, spec.dim), {.mode = Pooling::sum}});
        buffer = buffer.subspan(table_bytes(spec, feature));
    }
    Result<Model> model = Model::create(std::move(features));
    if (!model) throw std::logic_error(model.error().message);
    return *std::move(model);
}

}  // namespace

FilledModel::FilledModel(const ModelSpec* spec)
    : buffer_(model_bytes(*spec)), model_(fill_model(*spec, buffer_.bytes())) {}

RequestSet::RequestSet(const ModelSpec* spec, std::size_t batch) : batch_(batch) {
    const double wanted = kSetLookups / (spec->lookups_a_sample() * static_cast<double>(batch));
    requests_.resize(std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, kMaxRequests));
    Traffic traffic(spec->features, batch);
    for (RequestBuffers<std::int32_t>& request : requests_) traffic.next(batch, request);
    gathered_.resize(std::min(kMaxPasses, size()));
    for (std::size_t pass = 0; pass < gathered_.size(); ++pass) {
        const std::size_t first = size() * pass / gathered_.size();
        const std::size_t last = size() * (pass + 1) / gathered_.size();
        for (std::size_t f = 0; f < spec->features.size(); ++f) gathered_[pass].push_back(ids_of(f, first, last));
    }
}

Request RequestSet::at(std::size_t i) const noexcept {
    const RequestBuffers<std::int32_t>& request = requests_[i % size()];
    return {request.indices, request.offsets};
}

double RequestSet::mean_lookups() const noexcept {
    double sum = 0;
    for (const RequestBuffers<std::int32_t>& request : requests_) sum += static_cast<double>(request.indices.size());
    return sum / static_cast<double>(size());
}

/// Those of a feature in the requests [first, last).
std::vector<std::int32_t> RequestSet::ids_of(std::size_t feature, std::size_t first, std::size_t last) const {
    std::vector<std::int32_t> ids;
    for (std::size_t i = first; i < last; ++i) {
        const RequestBuffers<std::int32_t>& request = requests_[i];
        const auto* const indices = request.indices.data();
        ids.insert(ids.end(), indices + request.offsets[feature * batch_],
                   indices + request.offsets[(feature + 1) * batch_]);
    }
    return ids;
}

std::vector<GatherPass> RequestSet::gather_passes(const Model& model) const {
    std::vector<GatherPass> passes;
    for (const std::vector<std::vector<std::int32_t>>& by_feature : gathered_) {
        GatherPass& pass = passes.emplace_back();
        for (std::size_t f = 0; f < by_feature.size(); ++f) {
            const Table& table = model.features()[f].table;
            pass.push_back({table.data(), table.row_stride(), by_feature[f]});
        }
    }
    return passes;
}

}  // namespace rowpool::bench
