// Reads the limits on memory of both versions of cgroups.
#include "support/usable_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "support/cgroups.hpp"

namespace rowpool::support {
namespace {

using Limit = std::optional<std::size_t>;

/// The number that a file begins with, if it is smaller; "max" and what is not there are no limit.
Limit smaller(Limit limit, const std::string& path) {
    std::ifstream file(path);
    std::string text;
    std::size_t bytes = 0;
    if (!(file >> text)) return limit;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error != std::errc() || end != text.data() + text.size()) return limit;
    return std::min(limit.value_or(bytes), bytes);
}

}  // namespace

std::optional<std::size_t> memory_limit(const std::string& root) {
    const Cgroups groups = cgroups_of("memory", root);
    Limit limit;
    for (const std::string& group : groups.v2) {
        limit = smaller(limit, group + "/memory.max");
        limit = smaller(limit, group + "/memory.high");
    }
    for (const std::string& group : groups.v1) limit = smaller(limit, group + "/memory.limit_in_bytes");
    return limit;
}

std::size_t physical_memory() noexcept {
    return static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t usable_memory() {
    const std::size_t physical = physical_memory();
    return std::min(physical, memory_limit().value_or(physical));
}

}  // namespace rowpool::support
