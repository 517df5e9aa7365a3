// Any bytes through `rowpool convert`, and what it writes through `verify`, `inspect` and `convert` again.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/files.hpp"
#include "tools/commands/commands.hpp"

namespace rowpool::fuzz {
namespace {

const std::vector<std::string> kExtensions = {"", ".npy", ".npz", ".onnx", ".safetensors", ".index.json"};
const std::vector<std::vector<std::string>> kOptions = {
    {},
    {"--format", "f32", "--on-bad-line", "skip"},
    {"--format", "int4", "--method", "search", "--on-bad-row", "zero"},
    {"--format", "int8", "--on-bad-row", "f16", "--names-column", "no"},
    {"--format", "f16", "--packed", "*=int8"},
    {"--format", "tbe-int2", "--method", "greedy", "--names-column", "yes"},
    {"--max-norm", "1", "--padding-idx", "0"},
};

/// Runs a command; false when it fails with one line.
bool command(std::vector<std::string> arguments) {
    CLI::App app;
    tools::add_convert(app);
    tools::add_inspect(app);
    tools::add_verify(app);
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    try {
        app.parse(std::move(arguments));
        return true;
    } catch (const tools::Failure& failure) {
        require(failure.what()[0] != '\0', "a refusal says something");
        return false;
    }
}

}  // namespace

void run(std::span<const std::byte> bytes) {
    std::cout.rdbuf(nullptr);
    std::cerr.rdbuf(nullptr);
    const unsigned how = bytes.empty() ? 0 : std::to_integer<unsigned>(bytes.back());
    const test::TemporaryFolder folder;
    const std::string input = folder / ("in" + kExtensions[how % kExtensions.size()]);
    const std::vector<std::byte> right = with_right_sums(bytes);
    test::write_file(input, {reinterpret_cast<const char*>(right.data()), right.size()});
    // a tiny file may repeat a row for ever
    std::vector<std::string> arguments = {"convert", input, "--limit", "50", "-o", folder / "out"};
    const std::vector<std::string>& options = kOptions[how / kExtensions.size() % kOptions.size()];
    arguments.insert(arguments.end(), options.begin(), options.end());
    if (!command(arguments)) {
        require(folder.names().size() == 1, "a failed command leaves nothing behind");
        return;
    }
    require(command({"verify", folder / "out"}), "what is written has its checksums");
    require(command({"inspect", "--json", folder / "out"}), "what is written can be listed");
    // float formats keep values that int8, which it becomes here, cannot hold
    require(command({"convert", folder / "out", "-o", folder / "again", "--on-bad-row", "zero"}),
            "what is written can be converted");
}

}  // namespace rowpool::fuzz
