// The `rowpool` command: its subcommands, and what the exit status says.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "rowpool/isa.hpp"
#include "rowpool/rowpool.hpp"
#include "text.hpp"

namespace rowpool::tools {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

int report(std::string_view what, int status) {
    std::fprintf(stderr, "rowpool: %s\n", printable(what).c_str());
    return status;
}

std::string joined(const std::vector<std::string_view>& names) {
    std::string text;
    for (const std::string_view name : names) (text += text.empty() ? "" : ", ") += name;
    return text;
}

std::string version_text() {
    const Result<std::string_view> active = active_isa();
    return std::string("rowpool ") + version() +
           "\ninstruction set in use: " + (active ? std::string(*active) : "none, " + active.error().message) +
           "\nable to run here: " + joined(runnable_isas()) + "\ncompiled in: " + joined(compiled_isas());
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
    add_pool(app);
    add_export(app);
    add_nearest(app);
}

void flush_output() {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        fail("cannot write to standard output: ", std::strerror(errno));
}

int run(int argc, char** argv) {
    set_up_signals();
    CLI::App app("Embedding tables: convert, inspect, look up and pool.");
    set_up(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() != 0) return report(std::string(stop.what()) + " (see rowpool --help)", kWrongUsage);
        app.exit(stop);  // prints the help or the version that was asked for
    }
    flush_output();
    return 0;
}

}  // namespace
}  // namespace rowpool::tools

int main(int argc, char** argv) {
    using namespace rowpool::tools;
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        return report("out of memory", kFailed);
    } catch (const std::exception& failure) {
        return report(failure.what(), kFailed);
    }
}
