// What each way to hold a table's rows costs and gains: opening a table file and the first request, with the file in
// memory or not, and pooling once all rows are there.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "bench/cases/nameless_file.hpp"
#include "bench/cases/reference.hpp"
#include "bench/cases/suite.hpp"
#include "bench/measure/thread_clock.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::bench {
namespace {

constexpr Residency kResidencies[] = {Residency::mapped,     Residency::populated,   Residency::locked,
                                      Residency::huge_pages, Residency::interleaved, Residency::replicated};
constexpr std::size_t kDim = 64;
constexpr std::size_t kBags = 1000;
constexpr std::size_t kBagLength = 20;
constexpr Place kSizes[] = {{"256MiB", std::size_t{256} << 20, kBags* kBagLength, 64},
                            {"2GiB", std::size_t{2} << 30, kBags* kBagLength, 64}};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void skip_uncold(benchmark::State& state) {
    state.SkipWithError("skipped: the file stays in memory; TMPDIR must be on a disk");
}

/// Requests for random rows and where their sums go.
class Requests {
public:
    Requests(std::size_t rows, const Place& size) : ids_(rows, &size, 0.0), out_(kBags * kDim) {}

    void pool_next(const Table& table) {
        last_ = ids_.next();
        if (!pool(table, Bags::fixed(last_, kBags, kBagLength), {.mode = Pooling::sum}, out_)) {
            throw WrongResult("pool failed");
        }
    }

    /// Compares the last sums, all of them, with naive ones.
    void check_last(const Table& table) const {
        for (std::size_t b = 0; b < kBags; ++b) {
            const std::vector<float> expected = reference_sum(table, last_.subspan(b * kBagLength, kBagLength));
            if (!std::ranges::equal(expected, std::span(out_).subspan(b * kDim, kDim))) {
                throw WrongResult("wrong sums");
            }
        }
    }

private:
    IdSets ids_;
    std::vector<float> out_;
    std::span<const std::int32_t> last_;
};

/// The part of the memory around `address` that the page table has as huge pages; /proc/self/smaps knows.
double huge_share(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::ifstream smaps("/proc/self/smaps");
    double resident = 0, huge = 0;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        char* rest = nullptr;
        const std::uintptr_t begin = std::strtoull(line.c_str(), &rest, 16);
        if (*rest == '-') inside = begin <= wanted && wanted < std::strtoull(rest + 1, nullptr, 16);
        const auto kib = [&] { return std::strtod(line.c_str() + line.find(':') + 1, nullptr); };
        if (inside && line.starts_with("Rss:")) resident = kib();
        if (inside && (line.starts_with("AnonHugePages:") || line.starts_with("FilePmdMapped:"))) huge += kib();
    }
    return resident == 0 ? 0 : huge / resident;
}

/// Opening and the first request, once an iteration.
void first_request(benchmark::State& state, const Place& size, Residency residency, bool cold) {
    const NamelessFile& file = kept<NamelessFile>(RowFormat::int8, kDim, size.table_bytes);
    Requests requests(file.open({}).rows(), size);
    file.open(
        {.residency = residency});  // a hypervisor may take its time to hand out memory that was never used before
    double open = 0, first = 0;
    for (auto _ : state) {
        if (!file.drop()) return skip_uncold(state);
        if (!cold) file.open({.residency = Residency::populated});
        const auto start = std::chrono::steady_clock::now();
        const Table table = file.open({.residency = residency});
        const double opened = seconds_since(start);
        requests.pool_next(table);
        const double done = seconds_since(start);
        requests.check_last(table);
        state.SetIterationTime(done);
        open += opened;
        first += done - opened;
    }
    state.counters["open_ms"] = benchmark::Counter(1e3 * open, benchmark::Counter::kAvgIterations);
    state.counters["first_ms"] = benchmark::Counter(1e3 * first, benchmark::Counter::kAvgIterations);
}

/// Brings in all pages as lookups do: one here, one there.
void touch_all(const Table& table) {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kStep = 104729;  // a prime number of pages
    const std::size_t pages = table.rows() * table.row_stride() / kPage;
    const volatile std::byte* data = table.data();
    for (std::size_t i = 0; i < pages; ++i) static_cast<void>(data[i * kStep % pages * kPage]);
}

/// Pooling with all rows in memory.
void pool_rows(benchmark::State& state, const Place& size, Residency residency) {
    const NamelessFile& file = kept<NamelessFile>(RowFormat::int8, kDim, size.table_bytes);
    if (!file.drop()) return skip_uncold(state);
    const Table table = file.open({.residency = residency});
    touch_all(table);
    Requests requests(table.rows(), size);
    requests.pool_next(table);
    requests.check_last(table);
    const double start = thread_seconds();
    for (auto _ : state) requests.pool_next(table);
    const double rows = static_cast<double>(state.iterations()) * kBags * kBagLength;
    state.counters["ns_row"] = 1e9 * (thread_seconds() - start) / rows;
    state.counters["huge"] = huge_share(table.data());
}

}  // namespace

void register_residency(Grid grid) {
    for (const Place& size : kSizes) {
        if (grid == Grid::usual && is_large(size)) continue;
        for (const Residency residency : kResidencies) {
            const std::string name = std::string("/") + size.name + "/" + std::string(to_string(residency));
            for (const bool cold : {true, false}) {
                add_case(
                    (cold ? "cold" : "warm") + name,
                    [&size, residency, cold](benchmark::State& state) { first_request(state, size, residency, cold); })
                    ->Iterations(1)
                    ->UseManualTime()
                    ->Unit(benchmark::kMillisecond);
            }
            add_case("residency" + name,
                     [&size, residency](benchmark::State& state) { pool_rows(state, size, residency); });
        }
    }
}

}  // namespace rowpool::bench
