// Operations on the pages of mapped bytes. A byte range stands for all pages that it touches.
#pragma once

#include <cstddef>
#include <span>

namespace rowpool::memory {

/// Reads the pages into memory and maps them, so that reading them causes no page faults. Pages that were not in memory
/// are read into huge pages where the file system supports it. Returns 0 or an errno: EIO when the file ends before
/// them or cannot be read.
int populate(std::span<const std::byte> bytes) noexcept;

/// As populate(); the pages then stay in memory until they are unmapped. Returns 0 or an errno.
int lock(std::span<const std::byte> bytes) noexcept;

/// Pages that are touched and not in memory are read alone from now on, without those around them (MADV_RANDOM).
void read_singly(std::span<const std::byte> bytes) noexcept;

/// Begins to read the pages that are not in memory, and does not wait for them.
void begin_reading(std::span<const std::byte> bytes) noexcept;

/// Takes the pages of a file out of the page table again; they stay in the page cache and may be read as before.
void forget(std::span<const std::byte> bytes) noexcept;

/// Maps the pages of a shared file mapping a second time, replacing whatever is mapped at `at`, which is page-aligned.
/// The caller unmaps them. Returns 0 or an errno.
int map_again(std::span<const std::byte> bytes, std::byte* at) noexcept;

}  // namespace rowpool::memory
