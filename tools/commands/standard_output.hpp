// The end of what a command prints on standard output.
#pragma once

#include <string>

namespace rowpool::tools {

/// Fails when what was printed does not reach standard output; `done` starts the message.
void flush_output(const std::string& done = {});

/// Flushes what a command prints about the file that it has put in place: a failure says that the file is written.
void flush_summary(const std::string& path);

}  // namespace rowpool::tools
