// Cases that time requests to a model: results are checked before, and compared with the limit after.
#pragma once

#include <cstddef>
#include <span>

#include "bench/cases/suite.hpp"
#include "bench/workloads/models.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::bench {

/// As Engine::pool; throws WrongResult when it fails.
void answer(const Engine& engine, const Model& model, const Request& request, std::span<float> out);

/// Answers a request into `out`. Throws WrongResult unless the result equals, bit for bit, that of rowpool::pool for
/// each table on one thread and, for the first and last bag of each table, that of the naive reference.
void check_answer(const Engine& engine, const Model& model, const Request& request, std::span<float> out);

/// The requests that a case times. Refers to the model's spec.
struct RequestCase {
    const ModelSpec* spec;
    std::size_t batch;
    std::size_t threads;  ///< 0 for all
};

/// Registers the case under this name, followed by "/threads:<n>". Requests of millions of lookups run a fixed, small
/// number of times.
void add_request_case(const std::string& name, const RequestCase& c);

}  // namespace rowpool::bench
