// The benchmarks of the suite: one file per operation, which registers a grid of cases.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>

namespace rowpool::bench {

/// Thrown by a case whose operation fails or differs from the reference.
class WrongResult : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Registers a case. An exception is reported as its error, without a time: lack of memory skips the case, anything
/// else fails the suite.
benchmark::internal::Benchmark* add_case(const std::string& name, std::function<void(benchmark::State&)> run);

/// Whether a case failed. Skipped cases do not count.
bool any_case_failed() noexcept;

/// Which cases are registered.
enum class Grid {
    usual,  ///< minutes, and less than 1 GiB of tables at a time
    large,  ///< the whole grid, tables of gigabytes too
};

/// Numbers of threads that a case runs with: one, and 0 for all.
inline constexpr std::size_t kOneAndAll[] = {1, 0};
/// "/threads:2", "/threads:all".
std::string threads_name(std::size_t threads);

/// limits/...: memory throughput of this machine without decoding.
void register_limits(Grid grid);
/// pool/...: sum pooling on one thread.
void register_pool(Grid grid);
/// overwritten/...: the same with other memory written before each call, as a server's dense network does.
void register_overwritten();
/// requests/...: all tables of a model at once.
void register_requests(Grid grid);
/// latency/...: an open loop of single requests.
void register_latency(Grid grid);
/// scaling/...: by threads, table size, lookups in a call and number of tables.
void register_scaling(Grid grid);
/// quantize/... and dequantize/...: conversion between row formats.
void register_quantize();
/// convert/...: a table file from rows in memory.
void register_convert();
/// cold/..., warm/... and residency/...: how the rows of a table file are held in memory.
void register_residency(Grid grid);
/// beyond-memory/...: rows of a file larger than memory, which come from the disk.
void register_cold_rows(Grid grid);

}  // namespace rowpool::bench
