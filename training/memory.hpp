// Memory for rows and for the state of optimizers: pages of zeros, or the bytes of a file, which can be changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "rowpool/status.hpp"

namespace rowpool::train {

/// Private pages, in huge pages where the system has them. Pages that were never written take no memory. Movable.
class Memory {
public:
    Memory() noexcept = default;
    /// Zeros. Error: out_of_memory.
    static Result<Memory> zeros(std::size_t bytes);
    /// `bytes` bytes of a file from `offset` on, copied page by page when they are first written: the file stays as it
    /// is. Error: io_error. The file must not shrink while it is mapped.
    static Result<Memory> of_file(const std::string& path, std::uint64_t offset, std::size_t bytes);

    /// A copy of the first `used` bytes with zeros after them, that holds `bytes` bytes and has room for half as many
    /// as were used, so that growing step by step does not copy each time; empty where this memory has that room
    /// already. Error: out_of_memory.
    Result<Memory> with_room(std::size_t used, std::size_t bytes) const;

    Memory(Memory&& other) noexcept { swap(other); }
    Memory& operator=(Memory&& other) noexcept {
        Memory(std::move(other)).swap(*this);
        return *this;
    }
    ~Memory();

    std::byte* data() noexcept { return data_; }
    const std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    template <class T>
    T* as() noexcept {
        return reinterpret_cast<T*>(data_);
    }

private:
    void swap(Memory& other) noexcept {
        std::swap(pages_, other.pages_);
        std::swap(mapped_, other.mapped_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    void* pages_ = nullptr;  // null without any
    std::size_t mapped_ = 0;
    std::byte* data_ = nullptr;  // within the pages
    std::size_t size_ = 0;
};

}  // namespace rowpool::train
