// What the library asks of the system about mapped files that do not fit memory.
#pragma once

#include <cstddef>
#include <span>

namespace rowpool::memory {

/// Bytes stand for all pages that they touch. Tests put another one in its place.
struct Paging {
    /// Bytes of memory that this process can use, pages of files included.
    std::size_t (*usable_memory)();
    /// From then on a page that is touched is read alone, without what is around it.
    void (*read_singly)(std::span<const std::byte> bytes) noexcept;
    /// Begins to read the pages that are not in memory, and does not wait for them.
    void (*begin_reading)(std::span<const std::byte> bytes) noexcept;
};

/// That of the system.
const Paging& system_paging() noexcept;

/// Whether the page cache can keep so many bytes of a file: they are no more than three quarters of the memory that
/// the process can use. The rest is for everything else, as PostgreSQL's wiki has it for effective_cache_size: half of
/// the memory is careful to expect, three quarters is bold and still reasonable.
bool fit_memory(std::size_t bytes, std::size_t usable_memory) noexcept;

}  // namespace rowpool::memory
