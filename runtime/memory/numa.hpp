// The NUMA nodes of the machine, the placement of pages on them, and the node that a thread runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rowpool::memory {

/// On which node a page is allocated when it is first written.
enum class Placement : std::uint8_t {
    preferred,    ///< the given node, or any other when that has no memory left
    interleaved,  ///< the given nodes in turn
};

/// The NUMA interface that row copies use. Tests replace it.
struct Numa {
    /// The nodes with memory that this process may use, ascending; at least one.
    std::vector<unsigned> (*nodes)();
    /// Sets the placement of whole pages that have not been written yet. Returns 0 or an errno.
    int (*place)(std::span<std::byte> pages, Placement placement, std::span<const unsigned> nodes) noexcept;
    /// The node that the calling thread runs on; it may change at any moment.
    unsigned (*current_node)() noexcept;
};

const Numa& this_machine() noexcept;

/// The nodes that are in both lists, in the kernel's notation ("0-1,4"). A text that is empty or not a list excludes
/// nothing. If no node is left, node 0.
std::vector<unsigned> usable_nodes(std::string_view online, std::string_view allowed);

}  // namespace rowpool::memory
