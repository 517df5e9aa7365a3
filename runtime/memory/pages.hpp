// What the system does with the pages of mapped bytes when it is asked to. Bytes stand for all pages that they touch.
#pragma once

#include <cstddef>
#include <span>

namespace rowpool::memory {

/// Reads the pages into memory and enters them into the page table: reading them then waits for nothing. What was not
/// in memory yet is read into huge pages where the file system can. Returns 0 or an errno: EIO when the file ends
/// before them or cannot be read.
int populate(std::span<const std::byte> bytes) noexcept;

/// As populate(); the pages then stay in memory until they are unmapped. Returns 0 or an errno.
int lock(std::span<const std::byte> bytes) noexcept;

/// Takes the pages of a file out of the page table again; they stay in the page cache and may be read as before.
void forget(std::span<const std::byte> bytes) noexcept;

/// Maps the pages of a file that is mapped and shared once more, over whatever is at `at`, which is the begin of a
/// page. Unmapping them there is up to the caller. Returns 0 or an errno.
int map_again(std::span<const std::byte> bytes, std::byte* at) noexcept;

}  // namespace rowpool::memory
