// Counts cores: affinity masks and the quotas of cgroups.
#include "support/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "support/cgroups.hpp"

namespace rowpool::support {
namespace {

using Quota = std::optional<double>;

Quota smaller(Quota a, Quota b) { return !a ? b : !b ? a : std::min(*a, *b); }

/// The quotient of the first two words of a file, quota and period; nothing when they are not two numbers, as in "max
/// 100000" or "-1".
Quota share(std::istream& file) {
    double time = 0, period = 0;
    if (!(file >> time >> period) || time <= 0 || period <= 0) return std::nullopt;
    return time / period;
}

Quota quota_of_v2(const std::string& group) {
    std::ifstream file(group + "/cpu.max");
    return share(file);
}

Quota quota_of_v1(const std::string& group) {
    std::ifstream time(group + "/cpu.cfs_quota_us"), period(group + "/cpu.cfs_period_us");
    std::stringstream both;
    both << time.rdbuf() << ' ' << period.rdbuf();
    return share(both);
}

/// The smallest quota of some groups.
Quota smallest(const std::vector<std::string>& groups, Quota (*quota_of)(const std::string& group)) {
    Quota quota;
    for (const std::string& group : groups) quota = smaller(quota, quota_of(group));
    return quota;
}

std::size_t allowed_cpus() {
    // The kernel refuses sets smaller than its own, whose size cannot be queried, so the size is doubled until it fits.
    for (std::size_t cpus = 1024; cpus <= std::size_t{1} << 20; cpus *= 2) {
        const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpus), [](cpu_set_t* s) { CPU_FREE(s); });
        const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
        if (set == nullptr) break;
        if (sched_getaffinity(0, bytes, set.get()) == 0) return static_cast<std::size_t>(CPU_COUNT_S(bytes, set.get()));
    }
    return std::thread::hardware_concurrency();
}

}  // namespace

std::optional<double> cpu_quota(const std::string& root) {
    const Cgroups groups = cgroups_of("cpu", root);
    return smaller(smallest(groups.v2, quota_of_v2), smallest(groups.v1, quota_of_v1));
}

std::size_t available_cores() noexcept {
    try {
        const std::size_t cpus = std::max(allowed_cpus(), std::size_t{1});
        const std::optional<double> quota = cpu_quota();
        return !quota || *quota >= static_cast<double>(cpus) ? cpus : static_cast<std::size_t>(std::ceil(*quota));
    } catch (...) {  // out of memory
        return 1;
    }
}

}  // namespace rowpool::support
