// Tuning: prefetching measured on the tables of a model and the CPU at hand, kept in a profile.
#pragma once

#include <cstddef>
#include <functional>
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
    std::size_t between = 0;  ///< TuneOptions::between of the measurement
};

/// Told, on the thread that measures, how much of the measurement is done: a part from 0 to 1, which never shrinks.
using TuneProgress = std::function<void(double done)>;

/// How tune() measures.
struct TuneOptions {
    /// Bytes of other memory that are read and written before each pass over the tables, outside the time that is
    /// taken: as a server's dense network uses the caches between two requests. Four times a core's second-level cache
    /// leaves nothing of the tables in it. 0: lookups follow each other, and find what they left in the caches.
    std::size_t between = 0;
    TuneProgress progress = {};  ///< none if it is empty
};

/// Measures every table of a model in turn, as a request would visit them, with a few ways to prefetch, on the calling
/// thread: about 50 ms, more for models of hundreds of tables. Reads a few thousand random rows of each, which a mapped
/// file may have to bring into memory first. What is already as good as anything found keeps its default, so that the
/// same profile comes out of two runs unless the gain is real. Measure on a quiet machine.
///
/// With TuneOptions::between it takes up to half a second, most of it for the writing, and at least 55 writes: five
/// rounds, each with a pass for every one of 11 ways.
///
/// May run on several threads at once, but their times would be those of threads that disturb each other.
/// Errors: unsupported_isa; out_of_memory, too, when `between` is more than half of this machine's memory. What
/// `progress` throws ends it with io_error.
ROWPOOL_API Result<TuningProfile> tune(const Model& model, const TuneOptions& options = {});

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
