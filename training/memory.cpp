// Maps pages that can be changed.
#include "training/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "support/descriptor.hpp"

namespace rowpool::train {

Result<Memory> Memory::zeros(std::size_t bytes) {
    Memory memory;
    if (bytes == 0) return memory;
    void* const pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return Error{ErrorCode::out_of_memory, "there is no memory for " + std::to_string(bytes) + " bytes"};
    }
    ::madvise(pages, bytes, MADV_HUGEPAGE);  // if refused, the pages are small
    memory.pages_ = pages;
    memory.mapped_ = bytes;
    memory.data_ = static_cast<std::byte*>(pages);
    memory.size_ = bytes;
    return memory;
}

Result<Memory> Memory::of_file(const std::string& path, std::uint64_t offset, std::size_t bytes) {
    Memory memory;
    if (bytes == 0) return memory;
    const support::Descriptor file(
        support::uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
    if (!file) return support::io_error("open", path);
    const auto before = static_cast<std::size_t>(offset % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    void* const pages = ::mmap(nullptr, before + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(),
                               static_cast<off_t>(offset - before));
    if (pages == MAP_FAILED) return support::io_error("map", path);
    memory.pages_ = pages;
    memory.mapped_ = before + bytes;
    memory.data_ = static_cast<std::byte*>(pages) + before;
    memory.size_ = bytes;
    return memory;
}

Result<Memory> Memory::with_room(std::size_t used, std::size_t bytes) const {
    if (bytes <= size_) return Memory();
    auto larger = zeros(std::max(bytes, used + used / 2));
    if (larger && used > 0) std::memcpy(larger->data(), data_, used);
    return larger;
}

Memory::~Memory() {
    if (pages_ != nullptr) ::munmap(pages_, mapped_);
}

}  // namespace rowpool::train
