// The workload of `bench`: the tables of a file as one model, and requests to it, recorded or generated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/engine.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::tools {

/// The command line of `bench`.
struct BenchOptions {
    std::string file;
    std::string trace;    ///< path of recorded lookups; empty for generated ones
    std::string profile;  ///< path of a tuning profile; empty for none
    std::vector<std::string> tables;
    double zipf = 1.05;
    std::size_t bag = 20;
    std::size_t batch = 64;
    std::size_t threads = 0;
    std::size_t between = 0;  ///< bytes of other memory to write before each call
    Pooling mode = Pooling::sum;
    bool json = false;
};

/// One feature's bags in one request.
struct Lookups {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> offsets;  ///< bags + 1
    std::vector<float> weights;         ///< one per index, or empty

    Bags bags() const { return {indices, offsets, weights}; }
};

/// A Request and its buffers.
struct StoredRequest {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> offsets = {0};
    std::vector<float> weights;

    Request view() const { return {indices, offsets, weights}; }
};

/// A model and the requests that are repeated. They are so many that caches do not keep the rows of one round for the
/// next, for tables larger than the cache.
struct Workload {
    Model model;
    std::vector<std::string> names;  ///< of the features
    std::vector<StoredRequest> requests;
    std::size_t batch = 0;
    std::size_t samples = 0;  ///< of the trace; 0 for generated requests

    /// The bags of one feature in each request.
    std::vector<Lookups> lookups_of(std::size_t feature) const;
};

/// Prepares the workload of the options. Fails when the file has no such table, or the trace does not match the file.
Workload make_workload(const BenchOptions& options);

}  // namespace rowpool::tools
