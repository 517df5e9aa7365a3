// What a copy of rows will look like, decided before there is memory for it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace rowpool::memory {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Bytes of a mapped file and where they are in the copy.
struct Piece {
    std::span<const std::byte> from;
    std::size_t to;
};

/// Bytes of the copy.
struct Extent {
    std::size_t begin;
    std::size_t size;
};

/// One copy of the rows of tables. What is neither its own nor mapped is never read.
struct CopyPlan {
    std::size_t bytes = 0;            ///< whole huge pages, at least one
    std::vector<Extent> own;          ///< memory of its own: whole huge pages, apart from each other
    std::vector<Piece> copied;        ///< into its own memory; a few MiB each, so that all cores can take part
    std::vector<Piece> mapped;        ///< whole pages of the file, between its own memory
    std::vector<std::size_t> tables;  ///< where each table begins
};

/// The tables one after the other, each at a multiple of 64 bytes, and nothing else of the file they are in.
CopyPlan plan_tables(std::span<const std::span<const std::byte>> tables);

/// The whole of a mapped file as it is: copied are the huge pages that one of the tables has a byte of, the others are
/// mapped. What follows the bytes of a table in the file follows them here, so that lookups find the rows that are
/// copied and those that are not from one address.
CopyPlan plan_image(std::span<const std::byte> file, std::span<const std::span<const std::byte>> tables);

}  // namespace rowpool::memory
