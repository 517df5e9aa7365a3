// Recorded lookups: a .npz archive with the indices and offsets of each feature. docs/FORMAT.md says what is in it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "npy.hpp"
#include "rowpool/bags.hpp"
#include "rowpool/table.hpp"

namespace rowpool::tools {

/// What was looked up for one feature, in every sample.
struct TraceFeature {
    std::string name;
    Table table;
    NpyArray indices;  ///< every one is a row of the table
    NpyArray offsets;  ///< samples + 1; from 0 to the number of indices, never falling
    std::optional<NpyArray> weights;
};

struct Trace {
    std::string path;
    std::vector<TraceFeature> features;  ///< in the order of their indices in the archive; at least one
    std::size_t samples = 0;             ///< bags of each feature; at least one
};

/// Reads a trace of lookups in these tables into memory. Fails, naming archive, member and place, when it is none, when
/// it does not fit them, or when an index is no row.
Trace open_trace(const std::string& path, std::span<const Table> tables);

}  // namespace rowpool::tools
