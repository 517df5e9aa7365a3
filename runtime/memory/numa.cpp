// NUMA nodes and page placement, by plain system calls: libnuma would be a dependency for a single function.
#include "memory/numa.hpp"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <charconv>
#include <climits>
#include <fstream>
#include <optional>
#include <string>

namespace rowpool::memory {
namespace {

constexpr std::size_t kMaxNodes = 1024;  // maximum of any kernel: NODES_SHIFT is at most 10
using NodeSet = std::bitset<kMaxNodes>;

/// Parses a number at the front of the text and removes it.
std::optional<std::size_t> take_number(std::string_view& text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

/// The nodes of a list; all nodes if the text is not a list.
NodeSet parse_list(std::string_view text) {
    NodeSet nodes;
    do {
        const auto first = take_number(text);
        const auto last = first && take(text, '-') ? take_number(text) : first;
        if (!last || *last < *first || *last >= kMaxNodes) return NodeSet().set();
        for (std::size_t node = *first; node <= *last; ++node) nodes.set(node);
    } while (take(text, ','));
    return text.empty() ? nodes : NodeSet().set();
}

/// The value after the key and white space, in the first line of the file that begins with the key; empty if there is
/// none.
std::string read_value(const char* path, std::string_view key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find_first_not_of(" \t", key.size())));
    }
    return {};
}

/// Nodes without memory may be online, too, so online nodes are intersected with those whose memory the process may
/// use.
std::vector<unsigned> read_nodes() {
    return usable_nodes(read_value("/sys/devices/system/node/online", ""),
                        read_value("/proc/self/status", "Mems_allowed_list:"));
}

int place_pages(std::span<std::byte> pages, Placement placement, std::span<const unsigned> nodes) noexcept {
    constexpr std::size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
    std::array<unsigned long, kMaxNodes / kWordBits> mask = {};
    for (const unsigned node : nodes) mask[node / kWordBits] |= 1UL << (node % kWordBits);
    const int mode = placement == Placement::interleaved ? MPOL_INTERLEAVE : MPOL_PREFERRED;
    // The kernel reads one bit less than the given number.
    const long result = syscall(SYS_mbind, pages.data(), pages.size(), mode, mask.data(), kMaxNodes + 1, 0);
    return result == 0 ? 0 : errno;
}

unsigned node_of_thread() noexcept {
    unsigned node = 0;
    return getcpu(nullptr, &node) == 0 ? node : 0;
}

}  // namespace

std::vector<unsigned> usable_nodes(std::string_view online, std::string_view allowed) {
    const NodeSet online_nodes = parse_list(online);
    const NodeSet both = online_nodes & parse_list(allowed);
    std::vector<unsigned> nodes;
    if (both.all()) return {0};  // neither text was a list
    for (unsigned node = 0; node < kMaxNodes; ++node) {
        if (both[node]) nodes.push_back(node);
    }
    return nodes.empty() ? std::vector<unsigned>{0} : nodes;
}

const Numa& this_machine() noexcept {
    static constexpr Numa kMachine = {read_nodes, place_pages, node_of_thread};
    return kMachine;
}

}  // namespace rowpool::memory
