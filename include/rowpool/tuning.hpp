// Tuning: measures the best prefetching for the tables of a model on this CPU, and keeps it in a profile.
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
    double ns_row = 0;          ///< nanoseconds per row with it, on one thread
    double ns_row_untuned = 0;  ///< with the prefetching of the model as it is: by its options, or else by rule
};

/// The tunings of a model's tables. A plain value.
struct TuningProfile {
    std::string cpu;  ///< model name of the CPU that it was measured on
    std::vector<TableTuning> tables;
    std::size_t between = 0;  ///< TuneOptions::between of the measurement
};

/// Called on the measuring thread with the fraction of the measurement that is done, from 0 to 1, never decreasing.
using TuneProgress = std::function<void(double done)>;

/// How tune() measures.
struct TuneOptions {
    /// Bytes of other memory that are read and written, untimed, before each pass over the tables: as a server's dense
    /// network uses the caches between two requests. Four times the L2 cache of a core evicts the tables from it. 0:
    /// passes follow each other, and find in the caches what the last one left there.
    std::size_t between = 0;
    TuneProgress progress = {};  ///< none if it is empty
};

/// Measures every table of a model, in the order in which a request visits them, with several prefetch settings, on the
/// calling thread. It takes about 50 ms, more for models of hundreds of tables. Reads a few thousand random rows of
/// each, which a mapped file may have to load first. A table keeps its default when nothing is clearly faster, so that
/// two runs give the same profile unless the gain is real. Measure on a quiet machine.
///
/// With TuneOptions::between it takes up to half a second, most of it for the writes, and at least 55 of those: five
/// rounds of one pass for each of 11 settings.
///
/// May run on several threads at once, but they would disturb each other's measurements.
/// Errors: unsupported_isa; out_of_memory, also when `between` is more than half of this machine's memory; io_error
/// when `progress` throws.
ROWPOOL_API Result<TuningProfile> tune(const Model& model, const TuneOptions& options = {});

/// The model with the profile's prefetching for each feature whose table has the name, format, rows and dim that were
/// measured, and whose own options do not say how to prefetch. Tables that are not in the profile stay as they are. A
/// profile from another CPU gives the same results, but perhaps not the best speed.
/// Errors: those of Model::create.
ROWPOOL_API Result<Model> with_profile(const Model& model, const TuningProfile& profile);

/// Writes a profile as JSON; the file appears whole or not at all.
/// Errors: io_error; invalid_argument for a distance above Prefetch::kMostDistance or a time that is negative or not
/// finite.
ROWPOOL_API Status save_profile(const TuningProfile& profile, const std::string& path);

/// Reads a profile.
/// Errors: io_error, corrupt_file with the file and what is wrong with it, unsupported for the format of a newer
/// version.
ROWPOOL_API Result<TuningProfile> load_profile(const std::string& path);

}  // namespace rowpool
