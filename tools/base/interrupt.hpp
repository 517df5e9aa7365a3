// Signals: a command that writes a file stops between two blocks and leaves nothing behind.
#pragma once

namespace rowpool::tools {

/// Sets what signals do in every command: a closed pipe ends it quietly, a file size limit is an error of the write.
void set_up_signals();

/// From now on the first SIGINT, SIGTERM or SIGHUP is only noted, for stop_if_interrupted(); a second one kills.
void catch_interrupts();

/// Fails with "interrupted" when one of these signals has come.
void stop_if_interrupted();

}  // namespace rowpool::tools
