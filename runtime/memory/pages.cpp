// Advice and orders about pages.
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

/// Wishes for huge pages before a file is read: file systems that can (ext4 and XFS of today) then read it into them,
/// and the page table has them as one entry each.
void want_huge(const Pages& pages) noexcept { ::madvise(pages.begin, pages.size, MADV_HUGEPAGE); }

/// Reads a byte of every page. It brings in what nothing else has; and where a hypervisor hands memory out lazily, a
/// page that the disk has filled and no CPU has read yet costs its first reader microseconds.
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
    // One thread: for pages in memory this takes a tenth of a millisecond a MiB at most, and the disk is no faster for
    // two. EINVAL: Linux before 5.14, where touching is all there is.
    if (::madvise(pages.begin, pages.size, MADV_POPULATE_READ) != 0 && errno != EINVAL) {
        return errno == EFAULT ? EIO : errno;
    }
    touch(bytes);
    return 0;
}

int lock(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return 0;  // where nothing may be locked, to lock nothing is refused, too
    const Pages pages = pages_of(bytes);
    want_huge(pages);
    // As mlock(), of which sanitizers make a call that does nothing.
    if (::mlock2(pages.begin, pages.size, 0) != 0) return errno;
    touch(bytes);
    return 0;
}

void forget(std::span<const std::byte> bytes) noexcept {
    const Pages pages = pages_of(bytes);
    ::madvise(pages.begin, pages.size, MADV_DONTNEED);
}

int map_again(std::span<const std::byte> bytes, std::byte* at) noexcept {
    const Pages pages = pages_of(bytes);
    // An old size of 0 leaves the pages where they are, too. The file itself may not be there under its name any more.
    void* const mapped = ::mremap(pages.begin, 0, pages.size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    return mapped == MAP_FAILED ? errno : 0;
}

}  // namespace rowpool::memory
