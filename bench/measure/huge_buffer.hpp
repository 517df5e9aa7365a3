// Memory in huge pages, taken only when the machine has it.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string>
#include <utility>

namespace rowpool::bench {

/// The machine has not the memory that was asked for; what() says how much is missing.
class TooLittleMemory : public std::bad_alloc {
public:
    explicit TooLittleMemory(std::string message) noexcept : message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string message_;
};

/// Zeroed memory that the kernel was asked to back with 2 MiB pages, so that page walks do not hide the cost of
/// lookups.
class HugeBuffer {
public:
    /// Throws TooLittleMemory before it takes what other programs would be killed for.
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
