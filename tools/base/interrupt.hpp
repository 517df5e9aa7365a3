// Signal handling: an interrupted command stops between two blocks and leaves no partial file behind.
#pragma once

namespace rowpool::tools {

/// Sets up signals for every command: a closed pipe ends it silently; exceeding a file size limit is an error of the
/// write.
void set_up_signals();

/// From now on the first SIGINT, SIGTERM or SIGHUP is only recorded, for stop_if_interrupted(); a second one kills.
void catch_interrupts();

/// Fails with "interrupted" when one of these signals has come.
void stop_if_interrupted();

}  // namespace rowpool::tools
