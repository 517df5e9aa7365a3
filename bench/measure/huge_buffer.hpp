// Buffers in huge pages, allocated only if the machine has enough memory.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string>
#include <utility>

namespace rowpool::bench {

/// The machine does not have the requested memory; what() says how much is missing.
class TooLittleMemory : public std::bad_alloc {
public:
    explicit TooLittleMemory(std::string message) noexcept : message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string message_;
};

/// Zeroed memory that is advised to be in 2 MiB pages, so that TLB misses do not mask the cost of lookups.
class HugeBuffer {
public:
    /// Throws TooLittleMemory rather than allocate so much that the system would kill programs.
    explicit HugeBuffer(std::size_t bytes);
    HugeBuffer(const HugeBuffer&) = delete;
    HugeBuffer& operator=(const HugeBuffer&) = delete;
    ~HugeBuffer();

    std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    void* mapping_;
    std::size_t mapped_;
    std::span<std::byte> bytes_;  // of the mapping, aligned to a huge page
};

}  // namespace rowpool::bench
