// Sum pooling of one table on one thread, beside a raw gather and a sequential read of the same bytes.
#include "rowpool/pool.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/limits.hpp"
#include "bench/reference.hpp"
#include "bench/suite.hpp"
#include "bench/thread_clock.hpp"
#include "bench/workload.hpp"

namespace rowpool::bench {
namespace {

constexpr RowFormat kFormats[] = {RowFormat::int8, RowFormat::int4, RowFormat::f16, RowFormat::f32, RowFormat::bf16};
constexpr std::size_t kBagLengths[] = {1, 20, 80};
constexpr PoolOptions kSum = {.mode = Pooling::sum};

struct Case {
    RowFormat format;
    std::size_t dim;
    std::size_t bag_length;
    const Place* place;

    std::string name() const {
        return "pool/" + std::string(to_string(format)) + "/dim:" + std::to_string(dim) +
               "/bag:" + std::to_string(bag_length) + "/" + place->name;
    }
};

/// Offsets of bags of one length.
std::vector<std::int32_t> equal_offsets(std::size_t lookups, std::size_t bag_length) {
    std::vector<std::int32_t> offsets;
    for (std::size_t at = 0; at <= lookups; at += bag_length) offsets.push_back(static_cast<std::int32_t>(at));
    return offsets;
}

/// Whether the first bags of a call hold what they must, to the last bit.
bool is_right(const Table& table, std::span<const std::int32_t> ids, std::size_t bag_length,
              std::span<const float> out) {
    constexpr std::size_t kCheckedLookups = 800;
    for (std::size_t at = 0; at < kCheckedLookups; at += bag_length) {
        const std::vector<float> expected = reference_sum(table, ids.subspan(at, bag_length));
        if (!std::ranges::equal(expected, out.subspan(at / bag_length * table.dim(), table.dim()))) return false;
    }
    return true;
}

/// What a row took, alone and as a multiple of what the machine's limits are right now.
void report(benchmark::State& state, const Table& table, IdSets& ids, double seconds) {
    const std::int64_t rows = state.iterations() * static_cast<std::int64_t>(ids.next().size());
    const std::span<const std::byte> bytes(table.data(), table.rows() * table.row_stride());
    const double row = seconds / static_cast<double>(rows);
    state.counters["ns_row"] = 1e9 * row;
    state.counters["x_gather"] = row / best_gather_seconds(bytes, table.row_stride(), ids);
    state.counters["x_sequential"] = row / (static_cast<double>(table.row_stride()) * sequential_seconds(bytes));
    state.SetItemsProcessed(rows);
    state.SetBytesProcessed(rows * static_cast<std::int64_t>(table.row_stride()));
}

void sum_bags(benchmark::State& state, const Case& c) {
    const Table& table = FilledTable::get(c.format, c.dim, *c.place).table();
    IdSets ids(table.rows(), *c.place);
    const std::vector<std::int32_t> offsets = equal_offsets(c.place->lookups, c.bag_length);
    const HugeBuffer buffer((offsets.size() - 1) * c.dim * sizeof(float));
    const std::span<float> out(reinterpret_cast<float*>(buffer.bytes().data()), (offsets.size() - 1) * c.dim);
    const auto pool_next = [&] {
        const std::span<const std::int32_t> set = ids.next();
        if (!pool(table, {set, std::span(offsets)}, kSum, out)) state.SkipWithError("pool failed");
        return set;
    };
    if (!is_right(table, pool_next(), c.bag_length, out)) return state.SkipWithError("wrong sums");

    const double start = thread_seconds();
    for (auto _ : state) pool_next();
    report(state, table, ids, thread_seconds() - start);
}

}  // namespace

void register_pool() {
    for (const RowFormat format : kFormats) {
        for (const std::size_t dim : kDims) {
            for (const Place& place : kPlaces) {
                for (const std::size_t bag_length : kBagLengths) {
                    const Case c{format, dim, bag_length, &place};
                    benchmark::RegisterBenchmark(c.name().c_str(),
                                                 [c](benchmark::State& state) { sum_bags(state, c); });
                }
            }
        }
    }
}

}  // namespace rowpool::bench
