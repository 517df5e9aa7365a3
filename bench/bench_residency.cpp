// What each way to hold a table's rows costs and gains: opening a table file and the first request, with the file in
// memory or not, and pooling once all rows are there.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/reference.hpp"
#include "bench/suite.hpp"
#include "bench/thread_clock.hpp"
#include "bench/traffic.hpp"
#include "bench/workload.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/quantize.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::bench {
namespace {

constexpr Residency kResidencies[] = {Residency::mapped,     Residency::populated,   Residency::locked,
                                      Residency::huge_pages, Residency::interleaved, Residency::replicated};
constexpr std::size_t kDim = 64;
constexpr std::size_t kBags = 1000;
constexpr std::size_t kBagLength = 20;
constexpr std::size_t kRequests = 64;  // that differ: more rows in between than the last-level cache holds
constexpr std::size_t kDistinctRows = 4093;

struct Size {
    const char* name;
    std::size_t bytes;
};
constexpr std::size_t kUsualBytes = std::size_t{1} << 30;  // larger files belong to the large grid
constexpr Size kSizes[] = {{"256MiB", std::size_t{256} << 20}, {"2GiB", std::size_t{2} << 30}};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Takes the value out, or ends the case.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
}
void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

/// int8 rows of one table, the same kDistinctRows over and over.
void write_table_file(const std::string& path, std::size_t bytes) {
    Random random(kDim);
    std::vector<float> values(kDistinctRows * kDim);
    std::generate(values.begin(), values.end(), [&] { return random.value(); });
    std::vector<std::byte> rows(kDistinctRows * row_bytes(RowFormat::int8, kDim));
    must(quantize_rows(table_over(RowFormat::f32, kDistinctRows, kDim, std::as_bytes(std::span(values))),
                       RowFormat::int8, rows));
    NewTable table{.name = "bench", .shape = {}};
    table.shape.format = RowFormat::int8;
    table.shape.dim = kDim;
    table.shape.rows = bytes / row_bytes(RowFormat::int8, kDim);
    auto writer = must(TableFileWriter::create(path, {table}));
    const std::size_t total = table.shape.rows * row_bytes(RowFormat::int8, kDim);
    for (std::size_t at = 0; at < total; at += rows.size()) {
        must(writer.append(std::span(rows).first(std::min(rows.size(), total - at))));
    }
    must(writer.finish());
}

/// A table file in a temporary folder, without a name, so that none is left however the suite ends.
class NamelessFile {
public:
    explicit NamelessFile(const Size& size) : size_(size) {
        std::string folder = (std::filesystem::temp_directory_path() / "rowpool-bench-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
        try {
            write_table_file(folder + "/table", size.bytes);
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

    /// The file of that size, kept until another one is asked for.
    static const NamelessFile& get(const Size& size) {
        static std::unique_ptr<const NamelessFile> kept;
        if (!kept || &kept->size_ != &size) {
            kept.reset();
            kept = std::make_unique<const NamelessFile>(size);
        }
        return *kept;
    }

    TableFile open(Residency residency) const {
        return must(TableFile::open("/proc/self/fd/" + std::to_string(file_), {.residency = residency}));
    }

    /// Takes the file, which nobody may have open as a table, out of memory.
    void drop() const {
        ::fsync(file_);
        ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
        if (cached_pages() > size_.bytes / 4096 / 100) throw std::runtime_error("the file stays in memory");
    }

private:
    std::size_t cached_pages() const {
        void* mapping = ::mmap(nullptr, size_.bytes, PROT_READ, MAP_SHARED, file_, 0);
        if (mapping == MAP_FAILED) throw std::runtime_error("the file cannot be mapped");
        std::vector<unsigned char> in_memory(size_.bytes / static_cast<std::size_t>(::getpagesize()));
        ::mincore(mapping, size_.bytes, in_memory.data());
        ::munmap(mapping, size_.bytes);
        return std::accumulate(in_memory.begin(), in_memory.end(), std::size_t{0},
                               [](std::size_t sum, unsigned char page) { return sum + (page & 1); });
    }

    const Size& size_;
    int file_ = -1;
};

/// Requests for random rows and where their sums go.
class Requests {
public:
    explicit Requests(std::size_t rows) : ids_(kRequests * kBags * kBagLength), out_(kBags * kDim) {
        Random random(rows);
        std::generate(ids_.begin(), ids_.end(), [&] { return static_cast<std::int32_t>(random.below(rows)); });
    }

    void pool_next(const Table& table) {
        last_ = std::span<const std::int32_t>(ids_).subspan(at_, kBags * kBagLength);
        at_ = (at_ + last_.size()) % ids_.size();
        if (!pool(table, Bags::fixed(last_, kBags, kBagLength), {.mode = Pooling::sum}, out_)) {
            throw std::runtime_error("pool failed");
        }
    }

    /// Compares the last sums, all of them, with naive ones.
    void check(const Table& table) const {
        for (std::size_t b = 0; b < kBags; ++b) {
            const std::vector<float> expected = reference_sum(table, last_.subspan(b * kBagLength, kBagLength));
            if (!std::equal(expected.begin(), expected.end(), out_.begin() + static_cast<std::ptrdiff_t>(b * kDim))) {
                throw std::runtime_error("wrong sums");
            }
        }
    }

private:
    std::vector<std::int32_t> ids_;
    std::vector<float> out_;
    std::span<const std::int32_t> last_;
    std::size_t at_ = 0;
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
        const auto kib = [&] { return std::atof(line.c_str() + line.find(':') + 1); };
        if (inside && line.starts_with("Rss:")) resident = kib();
        if (inside && (line.starts_with("AnonHugePages:") || line.starts_with("FilePmdMapped:"))) huge += kib();
    }
    return resident == 0 ? 0 : huge / resident;
}

/// Opening and the first request, once an iteration.
void first_request(benchmark::State& state, const Size& size, Residency residency, bool cold) {
    const NamelessFile& file = NamelessFile::get(size);
    double open = 0, first = 0;
    Requests requests(file.open(Residency::mapped).tables()[0].rows());
    file.open(residency);  // a hypervisor may take its time to hand out memory that was never used before
    for (auto _ : state) {
        file.drop();
        if (!cold) file.open(Residency::populated);
        const auto start = std::chrono::steady_clock::now();
        const Table table = file.open(residency).tables()[0];
        const double opened = seconds_since(start);
        requests.pool_next(table);
        const double done = seconds_since(start);
        requests.check(table);
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
void pool_rows(benchmark::State& state, const Size& size, Residency residency) {
    const NamelessFile& file = NamelessFile::get(size);
    file.drop();
    const Table table = file.open(residency).tables()[0];
    touch_all(table);
    Requests requests(table.rows());
    requests.pool_next(table);
    requests.check(table);
    const double start = thread_seconds();
    for (auto _ : state) requests.pool_next(table);
    const double rows = static_cast<double>(state.iterations()) * kBags * kBagLength;
    state.counters["ns_row"] = 1e9 * (thread_seconds() - start) / rows;
    state.counters["huge"] = huge_share(table.data());
}

/// Registers a case that a machine may be unable to run: no disk space, a limit on locked memory.
template <class Run>
benchmark::internal::Benchmark* add(const std::string& name, const Run& run) {
    return benchmark::RegisterBenchmark(name.c_str(), [run](benchmark::State& state) {
        try {
            run(state);
        } catch (const std::exception& failure) {
            state.SkipWithError(failure.what());
        }
    });
}

}  // namespace

void register_residency(Grid grid) {
    for (const Size& size : kSizes) {
        if (size.bytes > kUsualBytes && grid == Grid::usual) continue;
        for (const Residency residency : kResidencies) {
            const std::string name = std::string("/") + size.name + "/" + std::string(to_string(residency));
            for (const bool cold : {true, false}) {
                add((cold ? "cold" : "warm") + name,
                    [&size, residency, cold](benchmark::State& state) { first_request(state, size, residency, cold); })
                    ->Iterations(1)
                    ->UseManualTime()
                    ->Unit(benchmark::kMillisecond);
            }
            add("residency" + name, [&size, residency](benchmark::State& state) { pool_rows(state, size, residency); });
        }
    }
}

}  // namespace rowpool::bench
