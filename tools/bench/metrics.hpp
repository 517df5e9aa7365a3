// What `bench` measures: whole requests with the engine, then each feature alone on one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rowpool/table.hpp"
#include "tools/bench/alternatives.hpp"
#include "tools/bench/workload.hpp"

namespace rowpool::tools {

/// Whole requests, one after the other.
struct RequestMetrics {
    std::size_t threads = 0;
    std::size_t timed = 0;  ///< requests
    double lookups = 0;     ///< a request
    double p50 = 0;         ///< seconds that half of the requests took at most
    double p90 = 0;
    double p99 = 0;
    double seconds = 0;  ///< of all requests together, and nothing between them
};

/// One feature on one thread.
struct FeatureMetrics {
    std::string name;
    Table table;
    double lookups = 0;  ///< a sample
    double row = 0;      ///< seconds; 0 without lookups
    double limit = 0;    ///< seconds a row of reading the same rows and nothing else, at the best prefetch distance
    std::vector<Alternative> alternatives;
};

struct BenchMetrics {
    RequestMetrics requests;
    std::vector<FeatureMetrics> features;
};

/// Runs the workload: a few seconds, and more with hundreds of features or with tables that must come from a disk.
/// Before each request each thread writes `between` bytes of other memory, and so does the one thread before each call
/// for a feature alone; that is not timed, but takes longer than the lookups. Fails when there is not so much memory.
BenchMetrics measure(const Workload& workload, std::size_t threads, std::size_t between);

}  // namespace rowpool::tools
