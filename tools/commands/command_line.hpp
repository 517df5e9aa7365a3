// The `rowpool` command as a function.
#pragma once

namespace rowpool::tools {

/// Runs the subcommand that the arguments name, which are main's, and returns the exit status: 0; 1 when it failed, or
/// 2 for wrong usage, after one line on standard error.
int run_command_line(int argc, char** argv);

}  // namespace rowpool::tools
