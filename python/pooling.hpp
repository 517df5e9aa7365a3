// The pooling calls of Python.
#pragma once

#include <nanobind/nanobind.h>

#include "python/tables.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::python {

/// What a call on one table is given; None where nothing is.
struct PoolArguments {
    nanobind::handle indices;
    nanobind::handle offsets;
    nanobind::handle lengths;
    nanobind::handle weights;
    const char* mode;
    nanobind::handle out;
};

/// rowpool::pool without an engine, Engine::pool with one. Returns the array of results. Other threads of Python run
/// while rows are pooled. Errors: TypeError, ValueError, IndexError, MemoryError, RuntimeError.
nanobind::object pool_table(const Engine* engine, const HeldTable& table, const PoolArguments& arguments);

/// Engine::pool of a request.
nanobind::object pool_request(const Engine& engine, const HeldModel& model, nanobind::handle indices,
                              nanobind::handle offsets, nanobind::handle weights, nanobind::handle out);

}  // namespace rowpool::python
