// The `rowpool` command: its subcommands, and what the exit status says.
#include "tools/commands/command_line.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/isa.hpp"
#include "rowpool/rowpool.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/standard_output.hpp"

namespace rowpool::tools {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr const char* kSeeHelp = " (see rowpool --help)";

int report(std::string_view what, int status) {
    std::fprintf(stderr, "rowpool: %s\n", one_line(what).c_str());
    return status;
}

std::string version_text() {
    const Result<std::string_view> active = active_isa();
    return std::string("rowpool ") + version() +
           "\ninstruction set in use: " + (active ? std::string(*active) : "none, " + active.error().message) +
           "\nable to run here: " + joined(runnable_isas(), ", ") + "\ncompiled in: " + joined(compiled_isas(), ", ");
}

void set_up(CLI::App& app) {
    app.name("rowpool");
    app.require_subcommand(1);
    app.set_version_flag("--version", version_text, "Print the version and the instruction sets, and exit");
    app.footer(
        "Exit status: 0, or 1 with one line on standard error that says what is wrong and where, or 2 for wrong "
        "usage.\n"
        "Output files appear whole or not at all.\n"
        "ROWPOOL_ISA=generic|avx2|avx512|neon in the environment chooses the instruction set.");
    add_convert(app);
    add_inspect(app);
    add_verify(app);
    add_diff(app);
    add_pool(app);
    add_export(app);
    add_nearest(app);
    add_bench(app);
    add_tune(app);
}

// CLI11 splits a value "[x,y]" of an option with many values into x and y, and has no switch for it that positional
// arguments can use. An argument that looks so gets a NUL at its end, which no real one can have, and each option takes
// that off again: all other ways give up CLI11's own check for unknown options.
std::vector<std::string> protected_arguments(int argc, char** argv) {
    std::vector<std::string> arguments;
    for (int i = argc - 1; i > 0; --i) {  // CLI11 takes them from the back
        arguments.emplace_back(argv[i]);
        if (arguments.back().starts_with('[') && arguments.back().ends_with(']')) arguments.back() += '\0';
    }
    return arguments;
}

/// Undoes the protection; the error of a value, empty when it has none.
std::string take_value(std::string& value) {
    if (value.ends_with('\0')) value.pop_back();
    return value.empty() ? "must not be empty" : "";
}

void take_values_literally(CLI::App& app) {
    for (CLI::App* command : app.get_subcommands(nullptr)) {
        for (CLI::Option* option : command->get_options()) option->transform(CLI::Validator(take_value, ""));
    }
}

/// CLI11's message, unless it is "A subcommand is required" where another word stands.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining();
    if (!app.get_subcommands().empty() || unknown.empty()) return error.what();
    return "no command or option '" + printable(unknown.front().c_str()) + "'";
}

int run_parsed(int argc, char** argv) {
    set_up_signals();
    CLI::App app("Embedding tables: convert, inspect, look up and pool.");
    set_up(app);
    take_values_literally(app);
    try {
        app.parse(protected_arguments(argc, argv));
    } catch (const WrongUsage& wrong) {
        return report(std::string(wrong.what()) + kSeeHelp, kWrongUsage);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() != 0) return report(usage_message(app, stop) + kSeeHelp, kWrongUsage);
        app.exit(stop);  // prints the help or the version that was asked for
    }
    flush_output();
    return 0;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    try {
        return run_parsed(argc, argv);
    } catch (const std::bad_alloc&) {
        return report("out of memory", kFailed);
    } catch (const std::exception& failure) {
        return report(failure.what(), kFailed);
    }
}

}  // namespace rowpool::tools
