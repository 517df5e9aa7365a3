// What each way to hold a table's rows costs and gains: opening a table file and the first request, with the file in
// memory or not, and pooling once all rows are there.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/cases/reference.hpp"
#include "bench/cases/suite.hpp"
#include "bench/measure/thread_clock.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"

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

/// The value of a step that must not fail.
template <class T>
T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
}
void check(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

/// One int8 table, the same rows over and over.
void write_table_file(const std::string& path, std::size_t bytes) {
    const std::vector<std::byte> pattern = row_pattern(RowFormat::int8, kDim);
    const std::size_t rows = bytes / row_bytes(RowFormat::int8, kDim);
    auto writer = value_of(TableFileWriter::create(path, {{"t", {RowFormat::int8, rows, kDim, 0, {}}}}));
    const std::size_t total = rows * row_bytes(RowFormat::int8, kDim);
    for (std::size_t at = 0; at < total; at += pattern.size()) {
        check(writer.append(std::span(pattern).first(std::min(pattern.size(), total - at))));
    }
    check(writer.finish());
}

/// A table file in a temporary folder, without a name, so that none is left however the suite ends.
class NamelessFile {
public:
    explicit NamelessFile(const Place* size) {
        std::string folder = (std::filesystem::temp_directory_path() / "rowpool-bench-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
        try {
            write_table_file(folder + "/table", size->table_bytes);
            file_ = ::open((folder + "/table").c_str(), O_RDONLY | O_CLOEXEC);
        } catch (...) {
            std::filesystem::remove_all(folder);
            throw;
        }
        std::filesystem::remove_all(folder);
    }
    NamelessFile(const NamelessFile&) = delete;
    NamelessFile& operator=(const NamelessFile&) = delete;
    ~NamelessFile() { ::close(file_); }

    Table open(Residency residency) const {
        const auto file = TableFile::open("/proc/self/fd/" + std::to_string(file_), {.residency = residency});
        // A small RLIMIT_MEMLOCK is usual, and no fault of ours.
        if (!file && residency == Residency::locked) throw TooLittleMemory(file.error().message);
        return value_of(file).tables()[0];
    }

    /// Takes the file, which nobody may have open as a table, out of memory; whether it went.
    bool drop() const {
        ::fsync(file_);
        ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
        const support::MappedFile file = value_of(support::MappedFile::open("/proc/self/fd/" + std::to_string(file_)));
        const auto bytes = file.bytes();
        std::vector<unsigned char> in_memory(bytes.size() / static_cast<std::size_t>(::getpagesize()) + 1);
        ::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), in_memory.data());
        const auto cached = std::ranges::count_if(in_memory, [](unsigned char page) { return (page & 1) != 0; });
        return static_cast<std::size_t>(cached) <= in_memory.size() / 100;
    }

private:
    int file_ = -1;
};

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
    const NamelessFile& file = kept<NamelessFile>(&size);
    Requests requests(file.open(Residency::mapped).rows(), size);
    file.open(residency);  // a hypervisor may take its time to hand out memory that was never used before
    double open = 0, first = 0;
    for (auto _ : state) {
        if (!file.drop()) return skip_uncold(state);
        if (!cold) file.open(Residency::populated);
        const auto start = std::chrono::steady_clock::now();
        const Table table = file.open(residency);
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
    const NamelessFile& file = kept<NamelessFile>(&size);
    if (!file.drop()) return skip_uncold(state);
    const Table table = file.open(residency);
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
