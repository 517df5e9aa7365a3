// How many threads this process can run at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace rowpool::support {

/// The CPU quota of this process's cgroups, in CPUs (0.5 is half a CPU); nothing without a quota. `root` is prepended
/// to /proc and /sys, for tests.
std::optional<double> cpu_quota(const std::string& root = {});

/// The number of CPUs in the calling thread's affinity mask, limited by its CPU quota, rounded up. At least 1.
std::size_t available_cores() noexcept;

}  // namespace rowpool::support
