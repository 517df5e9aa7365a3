// Lookups in a file that does not fit memory, from the disk: with the read-ahead of the system, and without.
#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "bench/cases/nameless_file.hpp"
#include "bench/cases/reference.hpp"
#include "bench/cases/suite.hpp"
#include "bench/measure/huge_buffer.hpp"
#include "bench/workloads/kept.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/engine.hpp"
#include "support/usable_memory.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kDim = 64;
constexpr std::size_t kBags = 100;
constexpr std::size_t kBagLength = 20;
constexpr std::size_t kCalls = 100;
constexpr std::size_t kSpare = std::size_t{4} << 30;  // what is left of the disk

/// A file a quarter larger than what this process can use of the memory. Throws TooLittleMemory where the disk has no
/// room for it.
const NamelessFile& large_file() {
    const std::size_t bytes = support::usable_memory() / 4 * 5;
    static const std::size_t free = std::filesystem::space(std::filesystem::temp_directory_path()).available;
    if (free < bytes + kSpare)
        throw TooLittleMemory("the folder of temporary files has no room for a file of " + std::to_string(bytes >> 20) +
                              " MiB; TMPDIR names another");
    return kept<NamelessFile>(RowFormat::f32, kDim, bytes);
}

/// Calls for random rows, after the file was dropped from the page cache.
void look_up(benchmark::State& state, ReadAhead read_ahead, std::size_t threads) {
    const NamelessFile& file = large_file();
    if (!file.drop()) return state.SkipWithError("skipped: the file stays in memory; TMPDIR must be on a disk");
    const Table table = file.open({.read_ahead = read_ahead});
    const Engine engine({.threads = threads});
    constexpr Place kCold = {"", 0, kBags * kBagLength, kCalls};
    IdSets sets(table.rows(), &kCold, 0.0);
    std::vector<float> out(kBags * kDim);
    std::span<const std::int32_t> ids;
    for (auto _ : state) {
        ids = sets.next();
        if (!engine.pool(table, Bags::fixed(ids, kBags, kBagLength), {.mode = Pooling::sum}, out)) {
            throw WrongResult("pool failed");
        }
    }
    for (std::size_t b = 0; b < kBags; ++b) {
        const std::vector<float> expected = reference_sum(table, ids.subspan(b * kBagLength, kBagLength));
        if (!std::ranges::equal(expected, std::span(out).subspan(b * kDim, kDim))) throw WrongResult("wrong sums");
    }
    const double rows = static_cast<double>(state.iterations()) * kBags * kBagLength;
    state.counters["rows_s"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
}

}  // namespace

void register_cold_rows(Grid grid) {
    if (grid == Grid::usual) return;
    for (const std::size_t threads : kOneAndAll) {
        for (const ReadAhead read_ahead : {ReadAhead::on, ReadAhead::off}) {
            const bool is_on = read_ahead == ReadAhead::on;  // a call takes a minute then
            add_case(std::string("beyond-memory/read-ahead:") + (is_on ? "on" : "off") + threads_name(threads),
                     [read_ahead, threads](benchmark::State& state) { look_up(state, read_ahead, threads); })
                ->Iterations(is_on ? 1 : kCalls)
                ->UseRealTime()
                ->Unit(benchmark::kMillisecond);
        }
    }
}

}  // namespace rowpool::bench
