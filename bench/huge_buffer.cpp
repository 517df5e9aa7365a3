// Memory in huge pages.
#include "bench/huge_buffer.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace rowpool::bench {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

HugeBuffer::HugeBuffer(std::size_t bytes)
    : mapping_(nullptr), mapped_((bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage) {
    mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) throw std::bad_alloc();
    madvise(mapping_, mapped_, MADV_HUGEPAGE);  // a wish: where huge pages are off, the report's context says so
    const std::size_t skipped = kHugePage - reinterpret_cast<std::uintptr_t>(mapping_) % kHugePage;
    bytes_ = {static_cast<std::byte*>(mapping_) + skipped, bytes};
}

HugeBuffer::~HugeBuffer() { munmap(mapping_, mapped_); }

}  // namespace rowpool::bench
