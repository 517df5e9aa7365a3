// Page advice, locking and mapping.
#include "memory/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace rowpool::memory {
namespace {

std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

struct Pages {
    void* begin;
    std::size_t size;
};

Pages pages_of(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return {nullptr, 0};
    const std::size_t before = reinterpret_cast<std::uintptr_t>(bytes.data()) % page_size();
    return {const_cast<std::byte*>(bytes.data()) - before, bytes.size() + before};
}

/// Advises huge pages before a file is read: file systems that support it (present ext4 and XFS) then read into huge
/// pages, each of which is one entry of the page table.
void want_huge(const Pages& pages) noexcept { ::madvise(pages.begin, pages.size, MADV_HUGEPAGE); }

/// Reads a byte of every page. This loads pages that nothing else has loaded. It also helps where a hypervisor
/// allocates memory lazily: a page that DMA has filled and no CPU has read yet costs its first reader microseconds.
void touch(std::span<const std::byte> bytes) noexcept {
    const std::size_t step = page_size();
    const volatile std::byte* data = bytes.data();
    for (std::size_t at = 0; at < bytes.size(); at += step) static_cast<void>(data[at]);
    if (!bytes.empty()) static_cast<void>(data[bytes.size() - 1]);
}

}  // namespace

int populate(std::span<const std::byte> bytes) noexcept {
    const Pages pages = pages_of(bytes);
    want_huge(pages);
    // On one thread: for pages in memory this takes at most 0.1 ms per MiB, and two threads do not make the disk
    // faster. EINVAL: Linux before 5.14, where touching the pages is the only way.
    if (::madvise(pages.begin, pages.size, MADV_POPULATE_READ) != 0 && errno != EINVAL) {
        return errno == EFAULT ? EIO : errno;
    }
    touch(bytes);
    return 0;
}

int lock(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return 0;  // where nothing may be locked, mlock refuses even an empty range
    const Pages pages = pages_of(bytes);
    want_huge(pages);
    // The system call itself, because sanitizers replace mlock() with a no-op.
    if (::mlock2(pages.begin, pages.size, 0) != 0) return errno;
    touch(bytes);
    return 0;
}

void read_singly(std::span<const std::byte> bytes) noexcept {
    const Pages pages = pages_of(bytes);
    ::madvise(pages.begin, pages.size, MADV_RANDOM);
}

void begin_reading(std::span<const std::byte> bytes) noexcept {
    const Pages pages = pages_of(bytes);
    ::madvise(pages.begin, pages.size, MADV_WILLNEED);
}

void forget(std::span<const std::byte> bytes) noexcept {
    const Pages pages = pages_of(bytes);
    ::madvise(pages.begin, pages.size, MADV_DONTNEED);
}

int map_again(std::span<const std::byte> bytes, std::byte* at) noexcept {
    const Pages pages = pages_of(bytes);
    // With an old size of 0, mremap() maps the pages again and keeps the old mapping. The file may not exist under its
    // name any more, so it cannot be opened again.
    void* const mapped = ::mremap(pages.begin, 0, pages.size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    return mapped == MAP_FAILED ? errno : 0;
}

}  // namespace rowpool::memory
