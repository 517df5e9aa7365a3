// Any bytes as a trace, whose members have the sums that it says; it is one of the tables of tests/golden.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/numpy/trace.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    const std::vector<tools::TracedTable> tables = {{"words", 14}, {"items", 10}};
    on_file(with_right_sums(bytes), [&](const std::string& path) {
        const tools::Trace trace = tools::open_trace(path, tables, tools::OtherFeatures::left_out);
        for (const tools::TraceFeature& feature : trace.features) {
            const IndexSpan offsets = tools::index_values(feature.offsets, "offsets");
            require(offsets.size() == trace.samples + 1, "an offset a sample and one more");
            const IndexSpan indices = tools::index_values(feature.indices, "indices");
            require(static_cast<std::size_t>(offsets[trace.samples]) == indices.size(), "offsets end with the indices");
            for (std::size_t i = 0; i < indices.size(); ++i) {
                require(static_cast<std::uint64_t>(indices[i]) < tables[feature.table].ids, "indices are ids");
            }
        }
    });
}
