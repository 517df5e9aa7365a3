// The metrics of `bench`: whole requests with the engine, then each feature alone on one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rowpool/table.hpp"
#include "tools/bench/alternatives.hpp"
#include "tools/bench/workload.hpp"

namespace rowpool::tools {

/// Metrics of whole requests, one after the other.
struct RequestMetrics {
    std::size_t threads = 0;
    std::size_t timed = 0;  ///< requests
    double lookups = 0;     ///< per request
    double p50 = 0;         ///< median latency in seconds
    double p90 = 0;
    double p99 = 0;
    double seconds = 0;  ///< of all requests together, without what runs between them
};

/// Metrics of one feature on one thread.
struct FeatureMetrics {
    std::string name;
    Table table;
    double lookups = 0;  ///< per sample
    double row = 0;      ///< seconds per row; 0 without lookups
    double limit = 0;    ///< seconds per row of a raw gather of the same rows, at the best prefetch distance
    std::vector<Alternative> alternatives;
};

struct BenchMetrics {
    RequestMetrics requests;
    std::vector<FeatureMetrics> features;
};

/// Runs the workload: a few seconds, more with hundreds of features or with tables that must be read from disk. Before
/// each request each thread writes `between` bytes of other memory; so does the single thread before each call for one
/// feature. That is not timed, but takes longer than the lookups. Fails when there is not that much memory.
BenchMetrics measure(const Workload& workload, std::size_t threads, std::size_t between);

}  // namespace rowpool::tools
