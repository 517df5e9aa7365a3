// Memory beside a page that cannot be touched: an access one byte too far ends the test with a fault.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <span>

namespace rowpool::test {

/// Which end of the buffer touches the forbidden page.
enum class Guard { after, before };

/// `size` bytes between two forbidden pages, flush with one of them and so, in general, not aligned.
class GuardedBuffer {
public:
    explicit GuardedBuffer(std::size_t size, Guard guard = Guard::after)
        : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
          usable_((size + page_ - 1) / page_ * page_),
          size_(size),
          base_(mmap(nullptr, usable_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        if (base_ == MAP_FAILED) throw std::bad_alloc();
        std::byte* first = static_cast<std::byte*>(base_) + page_;
        if (usable_ != 0 && mprotect(first, usable_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
        data_ = guard == Guard::after ? first + usable_ - size : first;
    }

    /// A buffer that holds a copy of these elements.
    template <class T>
    explicit GuardedBuffer(std::span<const T> values, Guard guard = Guard::after)
        : GuardedBuffer(values.size_bytes(), guard) {
        if (!values.empty()) std::memcpy(data_, values.data(), values.size_bytes());
    }

    GuardedBuffer(const GuardedBuffer&) = delete;
    GuardedBuffer& operator=(const GuardedBuffer&) = delete;
    ~GuardedBuffer() { munmap(base_, usable_ + 2 * page_); }

    std::byte* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

private:
    std::size_t page_;
    std::size_t usable_;
    std::size_t size_;
    void* base_;
    std::byte* data_ = nullptr;
};

}  // namespace rowpool::test
