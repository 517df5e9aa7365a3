// The clock that benchmarks of one thread are timed with.
#pragma once

#include <time.h>

namespace rowpool::bench {

/// Processor time of the calling thread, which is not charged for what other programs take.
inline double thread_seconds() noexcept {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace rowpool::bench
