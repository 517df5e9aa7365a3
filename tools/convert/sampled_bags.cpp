// Bags of one table for measuring: some of a trace's, or made up.
#include "tools/convert/sampled_bags.hpp"

#include <algorithm>
#include <unordered_set>

#include "bench/measure/traffic.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kBag = 20;
constexpr double kZipf = 1.05;
constexpr std::uint64_t kSeed = 1;

/// Bags as they grow, of the rows that the ids of a table stand for.
class Sample {
public:
    Sample(const NewTable& table, bool weighted) : table_(table), weighted_(weighted) {
        const auto ids = static_cast<std::int64_t>(table.num_ids());
        padding_ = table.shape.padding_index.value_or(ids);  // no id is that large
        if (padding_ < 0) padding_ += ids;
    }

    /// The next id of the bag that is being made. A bag longer than what is kept at all is cut.
    void add(std::int64_t id, float weight) {
        const std::int64_t row = id == padding_ ? -1 : row_of(table_, static_cast<std::size_t>(id));
        if (row < 0 || is_full()) return;
        distinct_.insert(row);
        bags_.rows.push_back(row);
        if (weighted_) bags_.weights.push_back(weight);
    }

    void end_bag() {
        const auto end = static_cast<std::int64_t>(bags_.rows.size());
        if (end != bags_.offsets.back()) bags_.offsets.push_back(end);
    }

    bool is_full() const {
        const std::size_t vectors = distinct_.size() + bags_.size();
        return bags_.size() == kSampledBags || vectors * table_.shape.dim > kSampledValues ||
               bags_.rows.size() > kSampledValues;
    }

    SampledBags take() && { return std::move(bags_); }

private:
    const NewTable& table_;
    bool weighted_;
    std::int64_t padding_;
    std::unordered_set<std::int64_t> distinct_;
    SampledBags bags_;
};

void add_sample(const TraceFeature& feature, std::size_t bag, Sample& sample) {
    const IndexSpan ids = index_values(feature.indices, "indices");
    const IndexSpan offsets = index_values(feature.offsets, "offsets");
    const std::span<const float> weights =
        feature.weights ? float_values(*feature.weights, "weights") : std::span<const float>();
    const auto end = static_cast<std::size_t>(offsets[bag + 1]);
    for (auto i = static_cast<std::size_t>(offsets[bag]); i < end; ++i) {
        sample.add(ids[i], weights.empty() ? 1.0F : weights[i]);
    }
    sample.end_bag();
}

}  // namespace

SampledBags generated_bags(const NewTable& table) {
    if (table.shape.rows == 0) return {};
    const std::size_t ids = table.num_ids();
    bench::Random random(kSeed);
    const bench::Zipf rank(ids, kZipf);
    const bench::Scatter scatter(ids, random.next());
    Sample sample(table, false);
    for (std::size_t bag = 0; bag < kSampledBags && !sample.is_full(); ++bag) {
        for (std::size_t i = 0; i < kBag; ++i) sample.add(static_cast<std::int64_t>(scatter(rank(random))), 1);
        sample.end_bag();
    }
    return std::move(sample).take();
}

SampledBags traced_bags(const Trace& trace, std::size_t position, const NewTable& table) {
    std::vector<const TraceFeature*> features;
    for (const TraceFeature& feature : trace.features) {
        if (feature.table == position) features.push_back(&feature);
    }
    const auto has_weights = [](const TraceFeature* feature) { return feature->weights.has_value(); };
    Sample sample(table, std::ranges::any_of(features, has_weights));
    // Samples in an order of chance, so that a sample that fills up early is spread over the trace as well.
    const bench::Scatter scatter(trace.samples, kSeed);
    for (std::size_t s = 0; s < trace.samples && !sample.is_full() && !features.empty(); ++s) {
        for (const TraceFeature* feature : features) add_sample(*feature, scatter(s), sample);
    }
    return std::move(sample).take();
}

}  // namespace rowpool::tools
