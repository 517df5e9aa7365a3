// How the rows of a table file are held in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rowpool/export.hpp"

namespace rowpool {

/// How open() holds the rows of a table file in memory. Lookups give the same bits with each; docs/MEMORY.md has what
/// they take and gain, measured.
enum class Residency : std::uint8_t {
    /// In the page cache, brought in when a row is first looked up. Opens at once, takes memory for what is looked up,
    /// shares it with other processes; a lookup waits for the disk where a row is not in memory yet, or no longer.
    mapped,
    /// As mapped, and open() reads all rows: it takes as long as reading them does, next to nothing when they are in
    /// memory already. What it reads goes into 2 MiB pages where kernel and file system can (Linux 6.16 with ext4, XFS
    /// before that). Pays where the first requests must not wait. Under pressure the system takes pages back.
    populated,
    /// As populated, and the system does not take the rows back (mlock); still shared with other processes. Pays where
    /// no request may wait. RLIMIT_MEMLOCK must allow it, and another program goes short of memory first.
    locked,
    /// Copied into memory of this process, in 2 MiB pages where the system grants them (transparent huge pages set to
    /// `madvise` or `always`). open() reads and copies all rows. They take their size once more for as long as the page
    /// cache keeps the file, and are shared only with children that are forked later. Pays on tables far larger than
    /// the caches, where finding a page costs as much as reading a row, if populated does not get huge pages.
    huge_pages,
    /// As huge_pages, with the pages spread evenly over the NUMA nodes: threads of all nodes have the bandwidth of all
    /// memory. Pays for one table that all nodes look up. On one node: huge_pages.
    interleaved,
    /// As huge_pages, with one copy a NUMA node; a lookup reads the copy of the node that its thread runs on. Takes the
    /// size of the rows once a node. Pays where that much memory is to spare. On one node: huge_pages.
    replicated,
};

/// The name of a residency as the command has it, for example "huge_pages".
ROWPOOL_API std::string_view to_string(Residency residency) noexcept;
/// The inverse of to_string; nothing for an unknown name.
ROWPOOL_API std::optional<Residency> parse_residency(std::string_view name) noexcept;

}  // namespace rowpool
