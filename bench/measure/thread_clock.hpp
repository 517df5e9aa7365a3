// The clock of single-threaded benchmarks.
#pragma once

#include <time.h>

namespace rowpool::bench {

/// CPU time of the calling thread, which does not include the time of other programs.
inline double thread_seconds() noexcept {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace rowpool::bench
