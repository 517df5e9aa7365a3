// Models: features are checked and planned once, not for every request.
#include "pooling/model.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "pooling/prefetch.hpp"
#include "support/boundary.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace {

/// Bytes that lookups in all tables read from; tables that share memory count once.
std::size_t table_bytes(const std::vector<Feature>& features) {
    std::map<const std::byte*, std::size_t> largest;  // bytes of the largest table that begins there
    for (const Feature& feature : features) {
        std::size_t& bytes = largest[feature.table.data()];
        bytes = std::max(bytes, pooling::bytes_behind(feature.table));
    }
    std::size_t total = 0;
    for (const auto& [data, bytes] : largest) total += bytes;
    return total;
}

Error refusal(std::size_t f, const Feature& feature, const std::string& why) {
    return {ErrorCode::invalid_argument,
            "feature " + std::to_string(f) + ", table " + support::printable(feature.table.name()) + ": " + why};
}

}  // namespace

Result<Model> Model::create(std::vector<Feature> features) {
    return support::without_exceptions([&]() -> Result<Model> {
        if (features.empty()) return Error{ErrorCode::invalid_argument, "a model needs at least one feature"};
        pooling::ModelContents contents = {};
        const std::size_t footprint = table_bytes(features);
        for (std::size_t f = 0; f < features.size(); ++f) {
            const Feature& feature = features[f];
            if (feature.options.mode == Pooling::none) {
                return refusal(f, feature, "a feature is pooled; mode none is for single tables");
            }
            pooling::FeaturePlan plan;
            if (!pooling::plan_feature(feature.table, feature.options, footprint, plan)) {
                return refusal(f, feature,
                               "padding index " + std::to_string(feature.options.padding_index.index()) +
                                   " is outside its " + std::to_string(feature.table.num_ids()) + " ids");
            }
            plan.column = contents.total_dim;
            contents.plans.push_back(plan);
            contents.total_dim += feature.table.dim();
            contents.is_cold = contents.is_cold || plan.cold_rows != nullptr;
        }
        contents.features = std::move(features);  // plans refer to its tables, which do not move
        return Model(std::make_shared<const pooling::ModelContents>(std::move(contents)));
    });
}

const pooling::ModelContents& pooling::contents_of(const Model& model) noexcept { return *model.contents_; }

std::span<const Feature> Model::features() const noexcept { return contents_->features; }
std::size_t Model::column(std::size_t f) const noexcept { return contents_->plans[f].column; }
std::size_t Model::total_dim() const noexcept { return contents_->total_dim; }

}  // namespace rowpool
