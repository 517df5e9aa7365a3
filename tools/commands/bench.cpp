// rowpool bench: how fast a file's tables answer requests, what limits them, and what would help.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "tools/base/options.hpp"
#include "tools/bench/metrics.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/workload.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/standard_output.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kMaxBag = 1'000'000;
constexpr std::size_t kMaxBatch = 1'000'000;
constexpr double kMaxZipf = 10;

std::optional<Pooling> parse_sum_or_mean(const std::string& name) {
    if (name == "sum") return Pooling::sum;
    if (name == "mean") return Pooling::mean;
    return {};
}

void bench_command(const BenchOptions& options) {
    const Workload workload = make_workload(options);
    const BenchMetrics metrics = measure(workload, options.threads, options.between);
    options.json ? print_json(options, workload, metrics) : print_text(options, workload, metrics);
}

void add_traffic(CLI::App& command, BenchOptions& options) {
    CLI::Option* trace =
        command.add_option("--trace", options.trace, "Recorded lookups to repeat; see below")->type_name("T.npz");
    add_real(command, "--zipf", options.zipf, 0, kMaxZipf,
             "Rows by Zipf's law with this exponent, scattered over the table; 1.05 unless given, 0 is uniform")
        ->excludes(trace);
    add_integer(command, "--bag", options.bag, std::size_t{0}, kMaxBag, "Rows of every bag; 20 unless given")
        ->excludes(trace);
}

}  // namespace

void add_bench(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("bench", "Measure lookups in a file's tables, and what would help");
    const auto options = std::make_shared<BenchOptions>();
    command.add_option("FILE", options->file, "Table file, or any safetensors file")->required()->type_name("");
    add_traffic(command, *options);
    add_integer(command, "--batch", options->batch, std::size_t{1}, kMaxBatch, "Samples a request; 64 unless given");
    add_integer(command, "--threads", options->threads, std::size_t{0}, kMaxThreads,
                "Threads for whole requests; 0, the default, is one a core");
    add_bytes(command, "--between", options->between, 0,
              "Write so much other memory before each call, as a server's dense network does; 0 unless given");
    add_repeated(command, "--table", options->tables, "NAME", "Only this table; may be repeated");
    command.add_option("--profile", options->profile, "Prefetch as `rowpool tune` has measured")->type_name("P.json");
    add_choice(command, "--mode", options->mode, "sum|mean", parse_sum_or_mean,
               "How the rows of a bag become one; sum unless given");
    command.add_flag("--json", options->json, "Print JSON");
    command.footer(
        "All tables together are one model, with a feature a table. Requests are answered one after the other with\n"
        "all threads, for about two seconds; then every feature is measured alone on one thread, beside its limit:\n"
        "reading the same rows without decoding them, at the best of a few prefetch distances. At about 100% of that,\n"
        "only fewer bytes a row or faster memory help.\n"
        "What would help is tried, not guessed: a copy in 2 MiB pages (of tables up to 4 GiB), int8 for float tables\n"
        "(of the first 256 MiB).\n"
        "Lookups that follow each other find in the caches what the one before has left, those of a server what its\n"
        "dense network has. With --between each thread writes so much other memory before each call, outside the "
        "times\n"
        "shown; four times the second-level cache (getconf LEVEL2_CACHE_SIZE) leaves nothing of the tables in it. "
        "With\n"
        "many times more, bench takes longer.\n"
        "A trace is a .npz archive. For each feature, a table's name or, where several features use one table, NAME#2\n"
        "and so on, it has NAME.indices, NAME.offsets (one more than samples, first 0) and perhaps NAME.weights:\n"
        "  numpy.savez(\"t.npz\", **{\"item.indices\": i, \"item.offsets\": o})\n"
        "It should look up more than the processor's caches hold: a short one measures only them.");
    command.callback([options] { bench_command(*options); });
}

}  // namespace rowpool::tools
