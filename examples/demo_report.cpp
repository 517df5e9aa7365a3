// What table files of the same rows cost and give: size, time to open, error of pooled vectors, lookups a second.
//   demo_report BAGS.txt F32.safetensors OTHER.safetensors...
// A line of BAGS.txt is a bag of row names of the first table of each file; the first file is what errors refer to.
#include <rowpool/rowpool.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct BagList {
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> offsets{0};

    rowpool::Bags view() const { return {indices, offsets}; }
};

[[noreturn]] void fail(const std::string& message) {
    std::fprintf(stderr, "demo_report: %s\n", message.c_str());
    std::exit(1);
}

template <class T>
T must(rowpool::Result<T> result) {
    if (!result) fail(result.error().message);
    return *std::move(result);
}

BagList read_bags(const std::string& path, const std::vector<std::string_view>& row_names) {
    std::unordered_map<std::string_view, std::int32_t> rows;
    for (std::size_t row = 0; row < row_names.size(); ++row)
        rows.emplace(row_names[row], static_cast<std::int32_t>(row));
    std::ifstream file(path);
    if (!file) fail("cannot read " + path);
    BagList bags;
    for (std::string line, name; std::getline(file, line);) {
        for (std::istringstream names(line); names >> name;) {
            const auto row = rows.find(name);
            if (row != rows.end()) bags.indices.push_back(row->second);  // a name that was too rare to be trained
        }
        bags.offsets.push_back(static_cast<std::int64_t>(bags.indices.size()));
    }
    return bags;
}

/// Seconds of the fastest of some runs, so that a first run that loads memory does not count.
template <class Work>
double best_seconds(int runs, const Work& work) {
    using Clock = std::chrono::steady_clock;
    double best = 1e9;
    for (int run = 0; run < runs; ++run) {
        const auto start = Clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
}

void pool_all(const rowpool::Engine& engine, const rowpool::Table& table, const BagList& bags,
              std::vector<float>& out) {
    const auto status = engine.pool(table, bags.view(), {.mode = rowpool::Pooling::mean}, out);
    if (!status) fail(status.message());
}

/// ||values - expected|| / ||expected||
double relative_error(const std::vector<float>& values, const std::vector<float>& expected) {
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        difference += std::pow(double{values[i]} - double{expected[i]}, 2);
        norm += std::pow(double{expected[i]}, 2);
    }
    return std::sqrt(difference / norm);
}

void report(const std::string& path, const BagList& bags, const std::vector<float>& expected) {
    const rowpool::TableFile file = must(rowpool::TableFile::open(path));
    const double open_seconds = best_seconds(5, [&] { (void)rowpool::TableFile::open(path); });
    const rowpool::Table& table = file.tables()[0];
    std::vector<float> out(expected.size());
    double lookups[2];
    const rowpool::Engine engines[] = {rowpool::Engine({.threads = 1}), rowpool::Engine()};
    for (int i = 0; i < 2; ++i) {
        const double seconds = best_seconds(50, [&] { pool_all(engines[i], table, bags, out); });
        lookups[i] = static_cast<double>(bags.indices.size()) / seconds / 1e6;
    }
    std::printf("  %-6s %6.1f MB %8.2f ms %14.5f %% %13.0f M/s %9.0f M/s (%zu threads)\n",
                std::string(to_string(table.format())).c_str(),
                static_cast<double>(std::filesystem::file_size(path)) / 1e6, open_seconds * 1e3,
                100 * relative_error(out, expected), lookups[0], lookups[1], engines[1].threads());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) fail("usage: demo_report BAGS.txt F32.safetensors OTHER.safetensors...");
    const rowpool::TableFile exact = must(rowpool::TableFile::open(argv[2]));
    if (exact.tables().empty()) fail(std::string(argv[2]) + " has no table");
    const rowpool::Table& table = exact.tables()[0];
    const BagList bags = read_bags(argv[1], must(exact.row_names(0)));
    std::vector<float> expected(bags.view().num_bags() * table.dim());
    pool_all(rowpool::Engine(), table, bags, expected);

    std::printf("%zu bags, %zu lookups in %zu rows x %zu, mean, on %s:\n", bags.view().num_bags(), bags.indices.size(),
                table.rows(), table.dim(), std::string(must(rowpool::active_isa())).c_str());
    std::printf("  format      size     opens in     error of bags      1 thread     all threads\n");
    for (int i = 2; i < argc; ++i) report(argv[i], bags, expected);
}
