// How many threads this process can run at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace rowpool::support {

/// The CPUs that the cgroups of this process let it use, by their quota of time; nothing without a quota. Half a CPU is
/// 0.5. `root` is put before /proc and /sys, for tests.
std::optional<double> cpu_quota(const std::string& root = {});

/// CPUs that the calling thread may run on, and no more than its cgroups give time for, rounded up. At least 1.
std::size_t available_cores() noexcept;

}  // namespace rowpool::support
