// Sum pooling of one table on one thread, beside a raw gather and a sequential read of the same bytes.
#include "rowpool/pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/cases/reference.hpp"
#include "bench/cases/suite.hpp"
#include "bench/limits/limits.hpp"
#include "bench/measure/percentile.hpp"
#include "bench/workloads/open_loop.hpp"
#include "bench/workloads/workload.hpp"
#include "support/other_memory.hpp"

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

    std::string name(const char* group) const {
        return group + std::string("/") + std::string(to_string(format)) + "/dim:" + std::to_string(dim) +
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

/// The calls of a case, each with the next ids.
class Calls {
public:
    explicit Calls(const Case& c)
        : table_(kept<FilledTable>(c.format, c.dim, c.place).table()),
          ids_(kept<IdSets>(table_.rows(), c.place, c.law->alpha)),
          offsets_(equal_offsets(c.place->lookups, c.bag_length)),
          buffer_((offsets_.size() - 1) * c.dim * sizeof(float)),
          out_(reinterpret_cast<float*>(buffer_.bytes().data()), (offsets_.size() - 1) * c.dim) {
        check_sums(table_, next(), c.bag_length, out_);
    }

    const Table& table() const { return table_; }
    std::span<const std::int32_t> ids() const { return ids_.all(); }

    /// Makes the next call; its ids.
    std::span<const std::int32_t> next() {
        const std::span<const std::int32_t> set = ids_.next();
        const PoolStatus status = pool(table_, {set, std::span(offsets_)}, kSum, out_);
        if (!status) throw WrongResult(status.message());
        return set;
    }

private:
    const Table& table_;
    IdSets& ids_;
    const std::vector<std::int32_t> offsets_;
    HugeBuffer buffer_;
    std::span<float> out_;
};

/// Shows what a row took, alone and beside what a raw gather takes right now. Returns it.
double report(benchmark::State& state, const Table& table, std::size_t lookups, double seconds, double limit) {
    const std::int64_t rows = state.iterations() * static_cast<std::int64_t>(lookups);
    const double row = seconds / static_cast<double>(rows);
    state.counters["ns_row"] = 1e9 * row;
    state.counters["pct_limit"] = 100 * limit / row;
    state.SetItemsProcessed(rows);
    state.SetBytesProcessed(rows * static_cast<std::int64_t>(table.row_stride()));
    return row;
}

void sum_bags(benchmark::State& state, const Case& c) {
    Calls calls(c);
    const Table& table = calls.table();
    const double start = clock_seconds(1);
    for (auto _ : state) calls.next();
    const double seconds = clock_seconds(1) - start;
    const double limit = best_gather_seconds(gather_passes(table, calls.ids()), 1);
    const double row = report(state, table, c.place->lookups, seconds, limit);
    const std::span<const std::byte> bytes(table.data(), table.rows() * table.row_stride());
    state.counters["x_sequential"] = row / (static_cast<double>(table.row_stride()) * sequential_seconds(bytes));
}

/// Each call after so many bytes of other memory have been written, as the gather that it is compared with. A median:
/// real time is charged for what other programs take.
void sum_bags_after_others(benchmark::State& state, const Case& c, std::size_t between) {
    Calls calls(c);
    Result<support::OtherMemory> other = support::OtherMemory::create(between);
    if (!other) throw TooLittleMemory(other.error().message);
    std::vector<double> taken;
    for (auto _ : state) {
        other->write();
        const double start = clock_seconds(kRealTime);
        calls.next();
        taken.push_back(clock_seconds(kRealTime) - start);
        state.SetIterationTime(taken.back());
    }
    const double seconds = percentile(taken, 0.5) * static_cast<double>(taken.size());
    const std::vector<GatherPass> passes = gather_passes(calls.table(), calls.ids(), c.place->lookups);
    report(state, calls.table(), c.place->lookups, seconds, best_gather_seconds(passes, 1, [&] { other->write(); }));
}

void register_case(const Case& c, Grid grid) {
    if (c.grid() == Grid::large && grid != Grid::large) return;
    add_case(c.name("pool"), [c](benchmark::State& state) { sum_bags(state, c); });
}

/// Four times what a core's second-level cache holds, or what one of most servers does: nothing of a table stays in it.
std::size_t overwritten_bytes() {
    const long second_level = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return 4 * (second_level > 0 ? static_cast<std::size_t>(second_level) : std::size_t{1} << 20);
}

/// A number of iterations that takes a moment: nearly all of it goes into the writing.
void register_after_others(const Case& c, std::size_t between) {
    constexpr std::size_t kIterations = 200;
    add_case(c.name("overwritten") + "/between:" + std::to_string(between >> 10) + "KiB",
             [c, between](benchmark::State& state) { sum_bags_after_others(state, c, between); })
        ->Iterations(kIterations)
        ->UseManualTime();
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

void register_overwritten() {
    const std::size_t between = overwritten_bytes();
    for (const RowFormat format : {RowFormat::int8, RowFormat::f32}) {
        for (const std::size_t dim : {32U, 128U}) {
            for (const Place& place : std::span(kPlaces).first(3)) {
                register_after_others({format, dim, 20, &place, &kLaws[0]}, between);
            }
        }
    }
}

}  // namespace rowpool::bench
