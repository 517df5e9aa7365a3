// The measurement behind tune(), with a replaceable action between passes.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "rowpool/engine.hpp"
#include "rowpool/status.hpp"
#include "rowpool/tuning.hpp"

namespace rowpool::tuning {

/// Measures the model's tables. `between`, unless it is empty, is called before each pass over the tables, untimed; it
/// may take long.
Result<std::vector<TableTuning>> measure_prefetching(const Model& model, const std::function<void()>& between,
                                                     const TuneProgress& progress);

/// Passes per round: one for each prefetch setting.
std::size_t passes_of_round() noexcept;

}  // namespace rowpool::tuning
