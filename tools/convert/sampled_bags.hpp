// Bags of one table for measuring: some of a trace's, or made up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

/// Bags of rows, none empty.
struct SampledBags {
    std::vector<std::int64_t> rows;
    std::vector<std::int64_t> offsets = {0};  ///< bags + 1
    std::vector<float> weights;               ///< one a row, or empty

    std::size_t size() const { return offsets.size() - 1; }
};

/// How many bags are measured at most, and how many values they and their rows may hold: what is in memory at once.
inline constexpr std::size_t kSampledBags = 2000;
inline constexpr std::size_t kSampledValues = std::size_t{8} << 20;

/// Bags of 20 rows by Zipf's law with exponent 1.05, the frequent ones anywhere in the table: always the same.
/// None for a table without rows.
SampledBags generated_bags(const NewTable& table);

/// Bags that the trace has of the table at this position, evenly spread over its samples, with their weights. Ids are
/// turned into rows; padding and pruned ids are left out, as in lookups.
SampledBags traced_bags(const Trace& trace, std::size_t position, const NewTable& table);

}  // namespace rowpool::tools
