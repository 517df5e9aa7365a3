// Counts cores: affinity masks, and the quotas of both versions of cgroups.
#include "support/cores.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <thread>

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

/// The smallest quota of a group and its ancestors. In a container, `path` may exist only outside, and the container's
/// own group is mounted as the root: missing folders are skipped.
template <class QuotaOf>
Quota smallest(const std::string& mount, std::string path, const QuotaOf& quota_of) {
    Quota quota = quota_of(mount);
    for (; path.size() > 1; path.resize(path.rfind('/')))
        quota = smaller(quota, quota_of(std::string(mount).append(path)));
    return quota;
}

bool has_word(std::string_view list, std::string_view word) {
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        if (list.substr(at, end - at) == word) return true;
        at = end + 1;
    }
    return false;
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

// Lines are "number:controllers:path"; the line of version 2 has number 0 and no controllers.
std::optional<double> cpu_quota(const std::string& root) {
    std::ifstream groups(root + "/proc/self/cgroup");
    const std::string mounts = root + "/sys/fs/cgroup";
    Quota quota;
    for (std::string line; std::getline(groups, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (controllers.empty()) {
            quota = smaller(quota, smallest(mounts, path, quota_of_v2));
        } else if (has_word(controllers, "cpu")) {
            for (const std::string& mount : {controllers, std::string("cpu")}) {  // the first may be in another order
                quota = smaller(quota, smallest(std::string(mounts).append("/").append(mount), path, quota_of_v1));
            }
        }
    }
    return quota;
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
