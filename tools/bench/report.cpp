// How the metrics of `bench` are shown: text for people, JSON for programs.
#include "tools/bench/report.hpp"

#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "rowpool/isa.hpp"
#include "tools/base/columns.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr double kWorthSaying = 1.1;
constexpr std::size_t kLongestName = 20;

std::string fixed(double value, int decimals) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return text.data();
}

/// A time in the unit that gives it one to three digits before the point.
std::string duration(double seconds) {
    if (seconds < 1e-3) return fixed(seconds * 1e6, 1) + " us";
    if (seconds < 1) return fixed(seconds * 1e3, 2) + " ms";
    return fixed(seconds, 2) + " s";
}

/// Bytes of rows a second that such a time a row means.
double bytes_per_second(const FeatureMetrics& feature) {
    return static_cast<double>(row_bytes(feature.table.format(), feature.table.dim())) / feature.row;
}

double time_of_all(const BenchMetrics& metrics) {
    double sum = 0;
    for (const FeatureMetrics& feature : metrics.features) sum += feature.row * feature.lookups;
    return sum;
}

std::uint64_t table_bytes(const Table& table) { return table.rows() * table.row_stride(); }

std::string short_name(const std::string& name) {
    if (printable(name).size() <= kLongestName) return printable(name);
    std::size_t cut = kLongestName - 3;
    while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xc0) == 0x80) --cut;  // not within a character
    return printable(name.substr(0, cut)) + "...";
}

constexpr std::array kColumns = {Column{"feature", false}, Column{"rows"},  Column{"dim"},      Column{"format", false},
                                 Column{"B/row"},          Column{"table"}, Column{"rows/bag"}, Column{"Mrows/s"},
                                 Column{"ns/row"},         Column{"share"}, Column{"GB/s"},     Column{"of limit"}};

std::vector<std::string> line_of(const FeatureMetrics& feature, double all) {
    const Table& table = feature.table;
    std::vector<std::string> line = {short_name(feature.name),
                                     std::to_string(table.rows()),
                                     std::to_string(table.dim()),
                                     std::string(to_string(table.format())),
                                     std::to_string(row_bytes(table.format(), table.dim())),
                                     human_bytes(table_bytes(table)),
                                     fixed(feature.lookups, 1)};
    if (feature.row == 0) return line.resize(kColumns.size(), "-"), line;
    for (const std::string& figure :
         {fixed(1e-6 / feature.row, 1), fixed(1e9 * feature.row, 1),
          fixed(100 * feature.row * feature.lookups / all, 0) + "%", fixed(1e-9 * bytes_per_second(feature), 2),
          fixed(100 * feature.limit / feature.row, 0) + "%"}) {
        line.push_back(figure);
    }
    return line;
}

std::string traffic_text(const BenchOptions& options, const Workload& workload) {
    if (workload.samples == 0) return "Zipf " + short_number(options.zipf) + ", bags of " + std::to_string(options.bag);
    return "trace " + one_line(options.trace) + " (samples " + std::to_string(workload.samples) + ")";
}

std::string between_text(std::size_t bytes) {
    return bytes == 0 ? "" : ", " + human_bytes(bytes) + " of other memory written before each call";
}

nlohmann::ordered_json traffic_json(const BenchOptions& options, const Workload& workload) {
    if (workload.samples == 0) return {{"zipf", options.zipf}, {"bag", options.bag}};
    return {{"trace", options.trace}, {"samples", workload.samples}};
}

std::string text_of(const Alternative& alternative) {
    std::string text = alternative.name + " " + fixed(alternative.speedup, 1) + "x as fast";
    if (alternative.smaller != 1) text += ", " + fixed(alternative.smaller, 1) + "x smaller";
    return text;
}

/// The alternatives that gain something.
std::string help_for(const FeatureMetrics& feature) {
    std::string text;
    for (const Alternative& alternative : feature.alternatives) {
        if (std::max(alternative.speedup, alternative.smaller) < kWorthSaying) continue;
        text += (text.empty() ? "" : "; ") + text_of(alternative);
    }
    return text;
}

void print_help(const BenchMetrics& metrics) {
    std::cout << "\nwhat would help, measured:\n";
    bool any = false;
    for (const FeatureMetrics& feature : metrics.features) {
        const std::string help = help_for(feature);
        if (help.empty()) continue;
        any = true;
        std::cout << "  " << short_name(feature.name) << ": " << help << '\n';
    }
    if (!any) std::cout << "  none of what was tried\n";
}

nlohmann::ordered_json json_of(const RequestMetrics& requests) {
    const double rate = static_cast<double>(requests.timed) / requests.seconds;
    return {{"timed", requests.timed},
            {"lookups", requests.lookups},
            {"p50_seconds", requests.p50},
            {"p90_seconds", requests.p90},
            {"p99_seconds", requests.p99},
            {"requests_per_second", rate},
            {"lookups_per_second", rate * requests.lookups}};
}

nlohmann::ordered_json json_of(const FeatureMetrics& feature, double all) {
    const Table& table = feature.table;
    nlohmann::ordered_json json = {{"feature", feature.name},
                                   {"table", table.name()},
                                   {"rows", table.rows()},
                                   {"dim", table.dim()},
                                   {"format", to_string(table.format())},
                                   {"row_bytes", row_bytes(table.format(), table.dim())},
                                   {"table_bytes", table_bytes(table)},
                                   {"lookups_per_bag", feature.lookups},
                                   {"alternatives", nlohmann::ordered_json::array()}};
    for (const Alternative& alternative : feature.alternatives) {
        json["alternatives"].push_back(
            {{"name", alternative.name}, {"speedup", alternative.speedup}, {"smaller", alternative.smaller}});
    }
    if (feature.row == 0) return json;
    json["rows_per_second"] = 1 / feature.row;
    json["seconds_per_row"] = feature.row;
    json["limit_seconds_per_row"] = feature.limit;
    json["share"] = feature.row * feature.lookups / all;
    json["bytes_per_second"] = bytes_per_second(feature);
    return json;
}

}  // namespace

void print_text(const BenchOptions& options, const Workload& workload, const BenchMetrics& metrics) {
    const RequestMetrics& requests = metrics.requests;
    const double rate = static_cast<double>(requests.timed) / requests.seconds;
    std::cout << one_line(options.file) << ": features " << workload.names.size() << ", batch " << workload.batch
              << ", " << traffic_text(options, workload) << ", " << to_string(options.mode) << ", "
              << value_of(active_isa()) << between_text(options.between) << "\n\nrequests (lookups "
              << fixed(requests.lookups, 0) << ", threads " << requests.threads << "): p50 " << duration(requests.p50)
              << ", p90 " << duration(requests.p90) << ", p99 " << duration(requests.p99) << "; " << fixed(rate, 1)
              << " requests/s, " << fixed(1e-6 * rate * requests.lookups, 1) << " M lookups/s\n\none thread:\n";
    std::vector<std::vector<std::string>> lines;
    for (const FeatureMetrics& feature : metrics.features) lines.push_back(line_of(feature, time_of_all(metrics)));
    print_aligned(kColumns, lines);
    print_help(metrics);
}

void print_json(const BenchOptions& options, const Workload& workload, const BenchMetrics& metrics) {
    nlohmann::ordered_json json = {{"file", options.file},
                                   {"traffic", traffic_json(options, workload)},
                                   {"batch", workload.batch},
                                   {"mode", to_string(options.mode)},
                                   {"between_bytes", options.between},
                                   {"isa", value_of(active_isa())},
                                   {"threads", metrics.requests.threads},
                                   {"requests", json_of(metrics.requests)},
                                   {"features", nlohmann::ordered_json::array()}};
    for (const FeatureMetrics& feature : metrics.features) {
        json["features"].push_back(json_of(feature, time_of_all(metrics)));
    }
    // A path or a name need not be UTF-8; what is not becomes the replacement character.
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace rowpool::tools
