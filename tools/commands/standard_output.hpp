// Checks that the output of a command has reached standard output.
#pragma once

#include <string>

namespace rowpool::tools {

/// Fails when the output could not be written to standard output; `done` starts the message.
void flush_output(const std::string& done = {});

/// Flushes the summary of a command that has written a file: the error message says that the file itself is written.
void flush_summary(const std::string& path);

}  // namespace rowpool::tools
