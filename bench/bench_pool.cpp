// Sum pooling of one table on one thread, beside a raw gather and a sequential read of the same bytes.
#include "rowpool/pool.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "bench/limits.hpp"
#include "bench/reference.hpp"
#include "bench/suite.hpp"
#include "bench/workload.hpp"

namespace rowpool::bench {
namespace {

constexpr RowFormat kFormats[] = {RowFormat::int8, RowFormat::int4, RowFormat::f16, RowFormat::f32, RowFormat::bf16};

/// How ids are drawn: by Zipf's law with this exponent.
struct Law {
    const char* name;
    double alpha;
};
constexpr Law kLaws[] = {{"uniform", 0}, {"zipf:0.9", 0.9}, {"zipf:1.05", 1.05}, {"zipf:1.15", 1.15}};
constexpr std::size_t kBagLengths[] = {1, 20, 80};
constexpr PoolOptions kSum = {.mode = Pooling::sum};

struct Case {
    RowFormat format;
    std::size_t dim;
    std::size_t bag_length;
    const Place* place;
    const Law* law;

    std::string name() const {
        return "pool/" + std::string(to_string(format)) + "/dim:" + std::to_string(dim) +
               "/bag:" + std::to_string(bag_length) + "/" + place->name + "/" + law->name;
    }

    /// Skew matters where it makes caches of a table that fits none; one format and bag length show how much.
    Grid grid() const {
        if (is_large(*place)) return Grid::large;
        const bool past_l2 = place->table_bytes > std::size_t{1} << 20;
        const bool shows_skew = past_l2 && format == RowFormat::int8 && bag_length == 20;
        return law->alpha == 0 || shows_skew ? Grid::usual : Grid::large;
    }
};

/// Offsets of bags of one length.
std::vector<std::int32_t> equal_offsets(std::size_t lookups, std::size_t bag_length) {
    std::vector<std::int32_t> offsets;
    for (std::size_t at = 0; at <= lookups; at += bag_length) offsets.push_back(static_cast<std::int32_t>(at));
    return offsets;
}

/// The first bags of a call must hold what the reference says, to the last bit.
void check_sums(const Table& table, std::span<const std::int32_t> ids, std::size_t bag_length,
                std::span<const float> out) {
    constexpr std::size_t kCheckedLookups = 800;
    for (std::size_t at = 0; at < kCheckedLookups; at += bag_length) {
        const std::vector<float> expected = reference_sum(table, ids.subspan(at, bag_length));
        if (!std::ranges::equal(expected, out.subspan(at / bag_length * table.dim(), table.dim()))) {
            throw WrongResult("wrong sums");
        }
    }
}

/// What a row took, alone and beside what the machine's limits are right now.
void report(benchmark::State& state, const Table& table, const IdSets& ids, std::size_t lookups, double seconds) {
    const std::int64_t rows = state.iterations() * static_cast<std::int64_t>(lookups);
    const std::span<const std::byte> bytes(table.data(), table.rows() * table.row_stride());
    const double row = seconds / static_cast<double>(rows);
    state.counters["ns_row"] = 1e9 * row;
    state.counters["pct_limit"] = 100 * best_gather_seconds(gather_passes(table, ids.all()), 1) / row;
    state.counters["x_sequential"] = row / (static_cast<double>(table.row_stride()) * sequential_seconds(bytes));
    state.SetItemsProcessed(rows);
    state.SetBytesProcessed(rows * static_cast<std::int64_t>(table.row_stride()));
}

void sum_bags(benchmark::State& state, const Case& c) {
    const Table& table = kept<FilledTable>(c.format, c.dim, c.place).table();
    IdSets& ids = kept<IdSets>(table.rows(), c.place, c.law->alpha);
    const std::vector<std::int32_t> offsets = equal_offsets(c.place->lookups, c.bag_length);
    const std::size_t values = (offsets.size() - 1) * c.dim;
    const HugeBuffer buffer(values * sizeof(float));
    const std::span<float> out(reinterpret_cast<float*>(buffer.bytes().data()), values);
    const auto pool_next = [&] {
        const std::span<const std::int32_t> set = ids.next();
        const PoolStatus status = pool(table, {set, std::span(offsets)}, kSum, out);
        if (!status) throw WrongResult(status.message());
        return set;
    };
    check_sums(table, pool_next(), c.bag_length, out);

    const double start = clock_seconds(1);
    for (auto _ : state) pool_next();
    report(state, table, ids, c.place->lookups, clock_seconds(1) - start);
}

void register_case(const Case& c, Grid grid) {
    if (c.grid() == Grid::large && grid != Grid::large) return;
    add_case(c.name(), [c](benchmark::State& state) { sum_bags(state, c); });
}

}  // namespace

// Cases of one table and those of one set of ids are neighbours, which share them: see kept().
void register_pool(Grid grid) {
    for (const RowFormat format : kFormats) {
        for (const std::size_t dim : kDims) {
            for (const Place& place : kPlaces) {
                for (const Law& law : kLaws) {
                    for (const std::size_t bag_length : kBagLengths) {
                        register_case({format, dim, bag_length, &place, &law}, grid);
                    }
                }
            }
        }
    }
}

}  // namespace rowpool::bench
