// What a model holds: its features, their columns, and each of them resolved for the kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "pooling/plan.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::pooling {

struct ModelContents {
    std::vector<Feature> features;
    std::vector<FeaturePlan> plans;  ///< of each feature; they refer to its table
    std::size_t total_dim;
};

}  // namespace rowpool::pooling
