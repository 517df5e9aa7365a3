// Sample bags of one table for measuring errors: from a trace, or generated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

/// Bags whose indices are rows; none is empty.
struct SampledBags {
    std::vector<std::int64_t> rows;
    std::vector<std::int64_t> offsets = {0};  ///< bags + 1
    std::vector<float> weights;               ///< one per index, or empty

    std::size_t size() const { return offsets.size() - 1; }
};

/// The maximum number of bags, and of values that they and their rows hold, which bounds the memory used.
inline constexpr std::size_t kSampledBags = 2000;
inline constexpr std::size_t kSampledValues = std::size_t{8} << 20;

/// Generated bags of 20 rows, drawn from a Zipf distribution with exponent 1.05, with the frequent rows scattered over
/// the table. Deterministic. None for a table without rows.
SampledBags generated_bags(const NewTable& table);

/// Bags of the trace for the table at this position, spread evenly over its samples, with their weights. Ids are mapped
/// to rows; padding and pruned ids are left out, as in lookups.
SampledBags traced_bags(const Trace& trace, std::size_t position, const NewTable& table);

}  // namespace rowpool::tools
