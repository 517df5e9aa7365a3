// rowpool tune: how rows are best prefetched on this machine, as a profile for programs to load.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/tuning.hpp"
#include "tools/base/columns.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/options.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

struct TuneCommand {
    std::string file;
    std::string output;
    std::size_t between = 0;  // bytes
};

std::string describe(const Prefetch& prefetch) {
    if (prefetch.distance == 0) return "none";
    const bool is_near = prefetch.into == Prefetch::Into::first_level;
    return std::to_string(prefetch.distance) + " ahead into " + (is_near ? "L1" : "L2");
}

void print(const TuningProfile& profile) {
    static constexpr Column kProfileColumns[] = {{"table", false},    {"format", false}, {"rows"},    {"dim"},
                                                 {"prefetch", false}, {"ns a row"},      {"untuned"}, {"faster"}};
    std::vector<std::vector<std::string>> lines;
    for (const TableTuning& tuning : profile.tables) {
        lines.push_back({one_line(tuning.table), std::string(to_string(tuning.format)), std::to_string(tuning.rows),
                         std::to_string(tuning.dim), describe(tuning.prefetch), short_number(tuning.ns_row),
                         short_number(tuning.ns_row_untuned),
                         short_number(tuning.ns_row_untuned / tuning.ns_row) + "x"});
    }
    print_aligned(kProfileColumns, lines);
}

/// Measures with a bar that says how far it is, should it take long.
TuningProfile measure(const Model& model, std::size_t between) {
    constexpr double kSteps = 1000;
    Progress bar("measuring", static_cast<std::uint64_t>(kSteps), Progress::Unit::steps);
    std::uint64_t shown = 0;
    const auto progress = [&](double done) {
        const auto steps = static_cast<std::uint64_t>(kSteps * done);
        bar.advance(steps - shown);
        shown = steps;
    };
    return value_of(tune(model, {.between = between, .progress = progress}));
}

void tune_command(const TuneCommand& command) {
    const TableFile file = open_table_file(command.file);
    std::vector<Feature> features;
    for (const Table& table : file.tables()) features.push_back({table, {}});
    if (features.empty()) fail(command.file, ": has no tables");
    const TuningProfile profile = measure(value_of(Model::create(std::move(features))), command.between);
    const std::string output = command.output.empty() ? command.file + ".tuning.json" : command.output;
    check(save_profile(profile, output));
    print(profile);
    std::cout << "saved to " << one_line(output) << " for " << one_line(profile.cpu);
    if (profile.between > 0) std::cout << ", " << human_bytes(profile.between) << " of other memory written between";
    std::cout << '\n';
    flush_summary(output);
}

}  // namespace

void add_tune(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("tune", "Measure how rows are best prefetched here, and save it");
    const auto options = std::make_shared<TuneCommand>();
    command.add_option("FILE", options->file, "Table file, or any safetensors file")->required()->type_name("");
    command.add_option("-o,--output", options->output, "The profile to write; FILE.tuning.json unless given")
        ->type_name("FILE");
    add_bytes(command, "--between", options->between, 0,
              "Write so much other memory before each pass, as a server's dense network does; 0 unless given");
    command.footer(
        "Visits all tables in turn, as requests do, with a few ways to prefetch rows, for about 50 ms on one thread.\n"
        "In a server the dense network uses the caches between two requests. With --between so much other memory is\n"
        "written before each pass over the tables, outside the times shown; four times the second-level cache\n"
        "(getconf LEVEL2_CACHE_SIZE) leaves nothing of the tables in it. It then takes up to half a second, and\n"
        "longer for hundreds of MiB, which are written 55 times at least.\n"
        "Programs use the profile with rowpool::load_profile and rowpool::with_profile; `rowpool bench --profile`\n"
        "shows what it gains. Run it on a quiet machine, and again on another kind of CPU.");
    command.callback([options] { tune_command(*options); });
}

}  // namespace rowpool::tools
