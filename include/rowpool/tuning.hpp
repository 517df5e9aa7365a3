// Tuning: prefetching measured on the tables of a model and the CPU at hand, kept in a profile.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rowpool/engine.hpp"
#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/types.hpp"

namespace rowpool {

/// What was measured for one table.
struct TableTuning {
    std::string table;
    RowFormat format = RowFormat::f32;
    std::size_t rows = 0;
    std::size_t dim = 0;
    Prefetch prefetch;          ///< the fastest that was found
    double ns_row = 0;          ///< nanoseconds a looked-up row with it, on one thread
    double ns_row_untuned = 0;  ///< with what the model does now: by its options, or by rule where they say nothing
};

/// Tunings of the tables of a model. Plain values; as safe to share as any.
struct TuningProfile {
    std::string cpu;  ///< model name of the CPU that it was measured on
    std::vector<TableTuning> tables;
};

/// Measures every table of a model in turn, as a request would visit them, with a few ways to prefetch, on the calling
/// thread: about 50 ms, more for models of hundreds of tables. Reads a few thousand random rows of each, which a mapped
/// file may have to bring into memory first. What is already as good as anything found keeps its default, so that the
/// same profile comes out of two runs unless the gain is real. Measure on a quiet machine.
/// Errors: unsupported_isa, out_of_memory.
ROWPOOL_API Result<TuningProfile> tune(const Model& model);

/// The model with the profile's prefetching for each feature whose table has the name, format, rows and dim that were
/// measured, and whose own options do not say how to prefetch. Tables that the profile does not know stay as they are.
/// A profile from another CPU gives the same results, only perhaps not the fastest. Errors: those of Model::create.
ROWPOOL_API Result<Model> with_profile(const Model& model, const TuningProfile& profile);

/// Writes a profile as JSON; the file appears whole or not at all. Errors: io_error; invalid_argument for a distance
/// above Prefetch::kMostDistance or a time that is negative or not finite.
ROWPOOL_API Status save_profile(const TuningProfile& profile, const std::string& path);

/// Reads a profile. Errors: io_error, corrupt_file with the file and what is wrong with it, unsupported for the format
/// of a newer version.
ROWPOOL_API Result<TuningProfile> load_profile(const std::string& path);

}  // namespace rowpool
