// What the memory of this machine gives: sequential reads, and gathers of whole rows without decoding.
#include <algorithm>
#include <string>

#include "bench/cases/suite.hpp"
#include "bench/limits/limits.hpp"
#include "bench/limits/raw_read.hpp"
#include "bench/workloads/workload.hpp"

namespace rowpool::bench {
namespace {

/// Each thread reads its own share of the place's bytes.
void sequential(benchmark::State& state, const Place& place) {
    const HugeBuffer buffer(place.table_bytes / static_cast<std::size_t>(state.threads()));
    std::ranges::fill(buffer.bytes(), std::byte{1});  // untouched pages would all be the one page of zeros
    const std::span<const std::byte> share = buffer.bytes();
    for (auto _ : state) {
        benchmark::DoNotOptimize(read_sequentially(share));
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(share.size()));
}

/// Rows as wide as those of an int8 table of this dim.
void gather(benchmark::State& state, const Place& place, std::size_t dim, std::size_t distance) {
    const Table& table = kept<FilledTable>(RowFormat::int8, dim, &place).table();
    const GatherFn gather = gather_of(table.row_stride());
    IdSets& ids = kept<IdSets>(table.rows(), &place, 0.0);
    const double start = clock_seconds(1);
    for (auto _ : state) benchmark::DoNotOptimize(gather(table.data(), ids.next(), distance));
    const double seconds = clock_seconds(1) - start;
    const std::int64_t rows = state.iterations() * static_cast<std::int64_t>(place.lookups);
    state.counters["ns_row"] = 1e9 * seconds / static_cast<double>(rows);
    state.SetItemsProcessed(rows);
    state.SetBytesProcessed(rows * static_cast<std::int64_t>(table.row_stride()));
}

void register_gathers(const Place& place) {
    for (const std::size_t dim : kDims) {
        for (const std::size_t distance : kPrefetchDistances) {
            const std::string name = "limits/gather/row_bytes:" + std::to_string(row_bytes(RowFormat::int8, dim)) +
                                     "/ahead:" + std::to_string(distance) + "/" + place.name;
            add_case(name, [&place, dim, distance](benchmark::State& state) { gather(state, place, dim, distance); });
        }
    }
}

}  // namespace

void register_limits(Grid grid) {
    for (const Place& place : kPlaces) {
        if (is_large(place) && grid != Grid::large) continue;
        const std::string name = std::string("limits/sequential/") + place.name;
        const auto run = [&place](benchmark::State& state) { sequential(state, place); };
        add_case(name, run);
        add_case(name, run)->Threads(2)->UseRealTime();
        register_gathers(place);
    }
}

}  // namespace rowpool::bench
