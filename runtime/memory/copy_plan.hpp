// The layout of a copy of rows, decided before its memory is allocated.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace rowpool::memory {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Bytes of a mapped file, and their position in the copy.
struct Piece {
    std::span<const std::byte> from;
    std::size_t to;
};

/// Bytes of the copy.
struct Extent {
    std::size_t begin;
    std::size_t size;
};

/// The layout of one copy of the rows of tables. Addresses in neither `own` nor `mapped` are never read.
struct CopyPlan {
    std::size_t bytes = 0;            ///< whole huge pages, at least one
    std::vector<Extent> own;          ///< private memory: whole huge pages, not adjacent to each other
    std::vector<Piece> copied;        ///< into `own`; a few MiB each, so that all cores can take part
    std::vector<Piece> mapped;        ///< whole pages of the file, between the extents of `own`
    std::vector<std::size_t> tables;  ///< where each table begins
};

/// A compact copy: the tables one after the other, each at a multiple of 64 bytes, and nothing else of the file.
CopyPlan plan_tables(std::span<const std::span<const std::byte>> tables);

/// A partial copy with the layout of the whole file: the 2 MiB pieces that contain bytes of the tables are copied, the
/// others are mapped. The rows after the copied ones of a table follow at the same offsets as in the file, so that
/// lookups reach both from one base address.
CopyPlan plan_image(std::span<const std::byte> file, std::span<const std::span<const std::byte>> tables);

}  // namespace rowpool::memory
