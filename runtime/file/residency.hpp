// Holds the rows of an opened file in memory the way that OpenOptions want it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "memory/numa.hpp"
#include "memory/replicas.hpp"
#include "rowpool/residency.hpp"
#include "rowpool/types.hpp"
#include "support/mapped_file.hpp"

namespace rowpool::file {

/// Where lookups find rows.
struct HeldRows {
    std::shared_ptr<const void> owner;           ///< what keeps them there
    std::vector<const std::byte*> tables;        ///< first byte of each table
    const memory::Replicas* replicas = nullptr;  ///< part of the owner; null unless nodes have copies of their own
};

/// Whether lookups read on behind the bytes that are held.
enum class Rest : bool { unread, mapped };

/// `held` are bytes of the file: those of the tables from their first row on, all of them or as many as are held so;
/// the others are then mapped.
/// Errors, with the path: io_error when the system does not read, lock or place the rows; out_of_memory.
Result<HeldRows> hold_rows(const support::MappedFile& file, std::span<const std::span<const std::byte>> held, Rest rest,
                           Residency residency, const memory::Numa& numa);

}  // namespace rowpool::file
