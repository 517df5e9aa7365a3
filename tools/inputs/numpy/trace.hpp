// Recorded lookups: a .npz archive with the indices and offsets of each feature. docs/FORMAT.md says what is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/table.hpp"
#include "tools/inputs/numpy/npy.hpp"

namespace rowpool::tools {

/// A table that a trace may be of.
struct TracedTable {
    std::string name;
    std::size_t ids;  ///< indices of lookups are below it
};

/// The tables of a file.
std::vector<TracedTable> traced_tables(std::span<const Table> tables);

/// What was looked up for one feature, in every sample.
struct TraceFeature {
    std::string name;
    std::size_t table;  ///< its position among the tables that open_trace() was given
    NpyArray indices;   ///< every one is an id of the table
    NpyArray offsets;   ///< samples + 1; from 0 to the number of indices, never falling
    std::optional<NpyArray> weights;
};

struct Trace {
    std::string path;
    std::vector<TraceFeature> features;  ///< in the order of their indices in the archive; at least one
    std::size_t samples = 0;             ///< bags of each feature; at least one
};

/// What happens to features of none of the tables.
enum class OtherFeatures : std::uint8_t { refused, left_out };

/// Reads a trace of lookups in these tables into memory. Fails, naming archive, member and place, when it is none, when
/// it does not fit them, or when an index is no id of its table.
Trace open_trace(const std::string& path, std::span<const TracedTable> tables,
                 OtherFeatures others = OtherFeatures::refused);

}  // namespace rowpool::tools
