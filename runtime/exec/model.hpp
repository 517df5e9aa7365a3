// What a model holds: its features, their columns, and each of them resolved for the kernels.
#pragma once

#include <cstddef>
#include <vector>

#include "exec/plan.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::exec {

struct ModelContents {
    std::vector<Feature> features = {};
    std::vector<std::size_t> columns;  ///< features + 1 entries
    std::vector<Setup> setups = {};    ///< one a feature
    bool takes_weights = true;         ///< every feature's mode does
};

}  // namespace rowpool::exec
