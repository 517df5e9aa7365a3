// The NUMA nodes of the machine: which there are, how pages are placed on them, and which one a thread runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rowpool::memory {

/// Which node a page comes from when it is first written.
enum class Placement : std::uint8_t {
    preferred,    ///< the one given, or any other when that has no memory left
    interleaved,  ///< one of those given after the other
};

/// What copies of rows need to know of the machine. Tests put another one in its place.
struct Numa {
    /// Those with memory that this process may use, ascending; at least one.
    std::vector<unsigned> (*nodes)();
    /// Sets the placement of whole pages that were not written yet. Returns 0 or an errno.
    int (*place)(std::span<std::byte> pages, Placement placement, std::span<const unsigned> nodes) noexcept;
    /// The node that the calling thread runs on; any other a moment later.
    unsigned (*current_node)() noexcept;
};

const Numa& this_machine() noexcept;

/// The nodes that are in both lists, as the kernel writes them ("0-1,4"). A list that is empty or no list excludes
/// nothing; when that leaves none, node 0.
std::vector<unsigned> usable_nodes(std::string_view online, std::string_view allowed);

}  // namespace rowpool::memory
