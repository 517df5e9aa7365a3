// The contents of a model: its features, and a FeaturePlan for each.
#pragma once

#include <cstddef>
#include <vector>

#include "pooling/plan.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::pooling {

struct ModelContents {
    std::vector<Feature> features;
    std::vector<FeaturePlan> plans;  ///< one per feature; they refer to its table
    std::size_t total_dim;
    bool is_cold;  ///< one of the features has rows that may not be in memory
};

}  // namespace rowpool::pooling
