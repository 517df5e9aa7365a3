// How time grows with threads, with the size of a table, with the lookups of a call and with the number of tables. Rows
// are int8 with 64 columns, bags have 20 ids, ids are uniform.
#include <algorithm>
#include <deque>
#include <string>
#include <thread>

#include "bench/cases/request_case.hpp"
#include "bench/cases/suite.hpp"
#include "bench/workloads/models.hpp"
#include "bench/workloads/request_workload.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kDim = 64;
constexpr std::size_t kBag = 20;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kTableBytes = 256 * kMiB;

/// A model of that many bytes in equal tables, for as long as the suite runs.
const ModelSpec& model_of(std::size_t tables, std::size_t bytes) {
    static std::deque<ModelSpec> all;
    return all.emplace_back(equal_tables(tables, bytes / tables / row_bytes(kModelFormat, kDim), kDim, kBag));
}

/// 1, 2, 4 and so on below the number of cores, then all.
void register_threads() {
    const ModelSpec& spec = model_of(1, kTableBytes);
    constexpr std::size_t kBatch = 10000;
    const std::size_t cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    for (std::size_t threads = 1; threads < cores; threads *= 2) {
        add_request_case("scaling/threads", {&spec, kBatch, threads});
    }
    add_request_case("scaling/threads", {&spec, kBatch, cores});
}

void register_table_sizes(Grid grid) {
    constexpr std::size_t kSizes[] = {1, 4, 16, 64, 256, 1024, 2048, 4096, 8192};
    constexpr std::size_t kUsual = 1024;
    for (const std::size_t mib : kSizes) {
        if (mib > kUsual && grid != Grid::large) continue;
        add_request_case("scaling/table_mib:" + std::to_string(mib), {&model_of(1, mib * kMiB), 1000, 1});
    }
}

void register_lookups() {
    const ModelSpec& spec = model_of(1, kTableBytes);
    for (std::size_t lookups = 1000; lookups <= 10000000; lookups *= 10) {
        const std::string name = "scaling/lookups:" + std::to_string(lookups);
        for (const std::size_t threads : kOneAndAll) add_request_case(name, {&spec, lookups / kBag, threads});
    }
}

/// As many lookups in as many bytes, from 1 table to 1,000.
void register_tables() {
    constexpr std::size_t kBags = 10000;
    for (std::size_t tables = 1; tables <= 1000; tables *= 10) {
        const ModelSpec& spec = model_of(tables, kTableBytes);
        const std::string name = "scaling/tables:" + std::to_string(tables);
        for (const std::size_t threads : kOneAndAll) add_request_case(name, {&spec, kBags / tables, threads});
    }
}

}  // namespace

void register_scaling(Grid grid) {
    register_threads();
    register_lookups();
    register_tables();
    register_table_sizes(grid);
}

}  // namespace rowpool::bench
