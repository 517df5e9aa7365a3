// Runs the suite: says what it runs on, then whatever Google Benchmark's own options select. One option is the suite's:
// --large adds the cases of Grid::large.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/cases/suite.hpp"
#include "rowpool/isa.hpp"

namespace {

using rowpool::bench::Grid;

/// What follows the colon of the first line of `path` that begins with `key`; with an empty key, the first line.
std::string read_line(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        const std::size_t colon = key.empty() ? std::string::npos : line.find(": ");
        return colon == std::string::npos ? line : line.substr(colon + 2);
    }
    return "unknown";
}

void add_context(const std::string& isa) {
#ifdef __clang__
    benchmark::AddCustomContext("compiler", "clang " __clang_version__);
#else
    benchmark::AddCustomContext("compiler", "gcc " __VERSION__);
#endif
    benchmark::AddCustomContext("isa", isa);
    benchmark::AddCustomContext("xsimd", ROWPOOL_XSIMD_VERSION);
    benchmark::AddCustomContext("cpu", read_line("/proc/cpuinfo", "model name"));
    benchmark::AddCustomContext("huge_pages", read_line("/sys/kernel/mm/transparent_hugepage/enabled", ""));
}

void register_all(Grid grid) {
    rowpool::bench::register_limits(grid);
    rowpool::bench::register_pool(grid);
    rowpool::bench::register_overwritten();
    rowpool::bench::register_quantize();
    rowpool::bench::register_convert();
    rowpool::bench::register_requests(grid);
    rowpool::bench::register_latency(grid);
    rowpool::bench::register_scaling(grid);
    rowpool::bench::register_residency(grid);
    rowpool::bench::register_cold_rows(grid);
}

}  // namespace

int main(int argc, char** argv) {
    const auto isa = rowpool::active_isa();
    if (!isa) {
        std::fprintf(stderr, "rowpool_bench: %s\n", isa.error().message.c_str());
        return 1;
    }
    // The whole grid in minutes; an option of the caller's comes later and wins.
    std::string min_time = "--benchmark_min_time=0.05";
    std::vector<char*> args(argv, argv + argc);
    const bool large = std::erase_if(args, [](const char* arg) { return arg == std::string_view("--large"); }) != 0;
    args.insert(args.begin() + 1, min_time.data());
    int count = static_cast<int>(args.size());
    benchmark::Initialize(&count, args.data());
    if (benchmark::ReportUnrecognizedArguments(count, args.data())) return 2;

    add_context(std::string(*isa));
    register_all(large ? Grid::large : Grid::usual);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return rowpool::bench::any_case_failed() ? 1 : 0;
}
