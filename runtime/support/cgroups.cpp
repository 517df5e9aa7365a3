// Finds the folders of cgroups, of both versions.
#include "support/cgroups.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>

namespace rowpool::support {
namespace {

void add_groups(const std::string& mount, std::string path, std::vector<std::string>& groups) {
    groups.push_back(mount);
    for (; path.size() > 1; path.resize(path.rfind('/'))) groups.push_back(std::string(mount).append(path));
}

bool has_word(std::string_view list, std::string_view word) {
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        if (list.substr(at, end - at) == word) return true;
        at = end + 1;
    }
    return false;
}

}  // namespace

// Lines are "number:controllers:path"; that of version 2 has number 0 and no controllers.
Cgroups cgroups_of(std::string_view controller, const std::string& root) {
    std::ifstream lines(root + "/proc/self/cgroup");
    const std::string mounts = root + "/sys/fs/cgroup";
    Cgroups groups;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
        if (controllers.empty()) {
            add_groups(mounts, path, groups.v2);
        } else if (has_word(controllers, controller)) {
            for (const std::string& mount :
                 {controllers, std::string(controller)}) {  // the first may be in another order
                add_groups(std::string(mounts).append("/").append(mount), path, groups.v1);
            }
        }
    }
    return groups;
}

}  // namespace rowpool::support
