// The subcommands. Each function declares one, with its options and its callback.
#pragma once

namespace CLI {
class App;
}

namespace rowpool::tools {

void add_convert(CLI::App& app);
void add_inspect(CLI::App& app);
void add_verify(CLI::App& app);
void add_diff(CLI::App& app);
void add_pool(CLI::App& app);
void add_export(CLI::App& app);
void add_tune(CLI::App& app);
void add_nearest(CLI::App& app);
void add_bench(CLI::App& app);

}  // namespace rowpool::tools
