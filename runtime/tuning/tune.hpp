// How tune() measures, with what comes between the visits to the tables to be chosen.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "rowpool/engine.hpp"
#include "rowpool/status.hpp"
#include "rowpool/tuning.hpp"

namespace rowpool::tuning {

/// The tunings of the model's tables. `between`, unless it is empty, is called before each pass over the tables,
/// outside the time that is taken; it may take long.
Result<std::vector<TableTuning>> measure_prefetching(const Model& model, const std::function<void()>& between,
                                                     const TuneProgress& progress);

/// Passes of a round: one for each way to prefetch.
std::size_t passes_of_round() noexcept;

}  // namespace rowpool::tuning
