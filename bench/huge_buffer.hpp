// Memory in huge pages.
#pragma once

#include <cstddef>
#include <span>

namespace rowpool::bench {

/// Zeroed memory that the kernel was asked to back with 2 MiB pages, so that page walks do not hide the cost of
/// lookups.
class HugeBuffer {
public:
    /// Throws std::bad_alloc.
    explicit HugeBuffer(std::size_t bytes);
    HugeBuffer(const HugeBuffer&) = delete;
    HugeBuffer& operator=(const HugeBuffer&) = delete;
    ~HugeBuffer();

    std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    void* mapping_;
    std::size_t mapped_;
    std::span<std::byte> bytes_;  // of the mapping, from the start of a huge page on
};

}  // namespace rowpool::bench
