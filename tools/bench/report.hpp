// Prints the metrics of `bench`.
#pragma once

#include "tools/bench/metrics.hpp"
#include "tools/bench/workload.hpp"

namespace rowpool::tools {

/// Prints an aligned table for people, of at most 120 columns.
void print_text(const BenchOptions& options, const Workload& workload, const BenchMetrics& metrics);

/// Prints one JSON object, in seconds and bytes.
void print_json(const BenchOptions& options, const Workload& workload, const BenchMetrics& metrics);

}  // namespace rowpool::tools
