// Signals: a command that writes a file stops between two blocks and leaves nothing behind.
#include "tools/base/interrupt.hpp"

#include <csignal>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

}  // namespace

void set_up_signals() {
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGXFSZ, SIG_IGN);
}

void catch_interrupts() {
    struct sigaction action = {};
    action.sa_handler = note_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

void stop_if_interrupted() {
    if (interrupted != 0) fail("interrupted");
}

}  // namespace rowpool::tools
