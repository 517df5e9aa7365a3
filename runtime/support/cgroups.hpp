// The cgroups that limit this process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rowpool::support {

/// Folders with the files of a controller, by version: those of the groups that this process is in, and of the groups
/// that those are in. Some may not be there: in a container the kernel may name a group by a path that only its host
/// has, while the container's own group is the top.
struct Cgroups {
    std::vector<std::string> v2;
    std::vector<std::string> v1;
};

/// `root` is put before /proc and /sys, for tests.
Cgroups cgroups_of(std::string_view controller, const std::string& root = {});

}  // namespace rowpool::support
