// How the rows of a table file are held in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rowpool/export.hpp"

namespace rowpool {

/// How open() holds the rows of a table file in memory. Lookups give the same bits with each; docs/MEMORY.md has
/// measured costs and gains.
enum class Residency : std::uint8_t {
    /// In the page cache, read from disk when a row is first looked up. Opens at once, takes memory only for what is
    /// looked up, and shares it with other processes; a lookup waits for the disk when its row is not in memory yet, or
    /// no longer.
    mapped,
    /// As mapped, and open() reads all rows: it takes as long as reading them does, next to nothing when they are in
    /// memory already. It reads into 2 MiB pages where kernel and file system support them (Linux 6.16 with ext4, XFS
    /// before that). For services whose first requests must not wait. Under memory pressure the system reclaims pages.
    populated,
    /// As populated, and the system does not reclaim the rows (mlock); still shared with other processes. For services
    /// in which no request may wait. RLIMIT_MEMLOCK must allow it, and other programs run out of memory first.
    locked,
    /// Copied into private memory, in 2 MiB pages where the system grants them (transparent huge pages set to `madvise`
    /// or `always`). open() reads and copies all rows. They take their size once more for as long as the page cache
    /// keeps the file, and are shared only with children that are forked later. For tables far larger than the caches,
    /// where a TLB miss costs as much as reading a row, if populated does not get huge pages.
    huge_pages,
    /// As huge_pages, with the pages spread evenly over the NUMA nodes: threads of every node have the bandwidth of all
    /// memory. For one table that all nodes look up. On one node: the same as huge_pages.
    interleaved,
    /// As huge_pages, with one copy per NUMA node; a lookup reads the copy of the node that its thread runs on. Takes
    /// the size of the rows once per node: for machines with memory to spare. On one node: the same as huge_pages.
    replicated,
};

/// Whether the system reads more of a mapped file than the row that is looked up (read-ahead).
enum class ReadAhead : std::uint8_t {
    /// on for files whose rows fit memory, off for larger ones: off when all rows of the file take more than three
    /// quarters of the physical memory, or of what the cgroups of the process let it use.
    automatic,
    /// The system reads what is around a row, megabytes often: that brings a file into memory soon. Pays where all that
    /// is looked up fits memory, and where rows are read in order.
    on,
    /// Pages are read one by one, and a call begins to read those of all its rows before it waits for the first. Pays
    /// where rows are looked up at random and do not fit memory; reading them in order takes many times as long.
    off,
};

/// The name of a residency as the command takes and prints it, for example "huge-pages".
ROWPOOL_API std::string_view to_string(Residency residency) noexcept;
/// The inverse of to_string; nothing for an unknown name.
ROWPOOL_API std::optional<Residency> parse_residency(std::string_view name) noexcept;

}  // namespace rowpool
