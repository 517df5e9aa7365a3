// Counts by sorting: the memory is that of the lookups, not of the table.
#include "tools/convert/access_counts.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

/// A row and one of the ids that it was looked up by.
using Lookup = std::pair<std::int32_t, std::int64_t>;

struct AccessCount {
    std::int32_t row;
    std::int64_t id;  ///< the lowest
    std::size_t lookups;
};

std::vector<Lookup> lookups_of(const Trace& trace, std::size_t position, const NewTable& table) {
    std::vector<Lookup> lookups;
    for (const TraceFeature& feature : trace.features) {
        if (feature.table != position) continue;
        const IndexSpan ids = index_values(feature.indices, "indices");
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const std::int64_t id = ids[i];
            const std::int64_t row = row_of(table, static_cast<std::size_t>(id));
            if (row >= 0) lookups.emplace_back(static_cast<std::int32_t>(row), id);
        }
    }
    return lookups;
}

}  // namespace

std::optional<std::vector<std::int32_t>> rows_by_accesses(const Trace& trace, std::size_t position,
                                                          const NewTable& table) {
    if (std::ranges::count(trace.features, position, &TraceFeature::table) == 0) return {};
    std::vector<Lookup> lookups = lookups_of(trace, position, table);
    std::sort(lookups.begin(), lookups.end());
    std::vector<AccessCount> counts;
    for (const auto& [row, id] : lookups) {
        if (counts.empty() || counts.back().row != row) counts.push_back({row, id, 0});
        ++counts.back().lookups;
    }
    std::sort(counts.begin(), counts.end(), [](const AccessCount& a, const AccessCount& b) {
        return a.lookups != b.lookups ? a.lookups > b.lookups : a.id < b.id;
    });
    std::vector<std::int32_t> rows;
    for (const AccessCount& count : counts) rows.push_back(count.row);
    return rows;
}

}  // namespace rowpool::tools
