// The positions of the copies of a file's rows, one per NUMA node.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace rowpool::memory {

/// Copies at equal distances, one per node, in the order of the nodes.
class Replicas {
public:
    /// `nodes` is ascending and not empty.
    Replicas(std::span<const unsigned> nodes, std::size_t distance, unsigned (*current_node)() noexcept)
        : offsets_(nodes.back() + std::size_t{1}), current_node_(current_node) {
        for (std::size_t i = 0; i < nodes.size(); ++i) offsets_[nodes[i]] = i * distance;
    }

    /// Bytes from a row of the first copy to the same row in the copy of the node that the calling thread runs on.
    /// A node without a copy reads the first.
    std::size_t offset_here() const noexcept {
        const unsigned node = current_node_();
        return node < offsets_.size() ? offsets_[node] : 0;
    }

private:
    std::vector<std::size_t> offsets_;  // indexed by node
    unsigned (*current_node_)() noexcept;
};

}  // namespace rowpool::memory
