// Holds the rows of an opened file in memory as OpenOptions say.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "memory/cold_rows.hpp"
#include "memory/numa.hpp"
#include "memory/paging.hpp"
#include "memory/replicas.hpp"
#include "rowpool/residency.hpp"
#include "rowpool/types.hpp"
#include "support/mapped_file.hpp"

namespace rowpool::file {

/// The memory that lookups read rows from.
struct HeldRows {
    std::shared_ptr<const void> owner;            ///< what keeps them there
    std::vector<const std::byte*> tables;         ///< first byte of each table
    const memory::Replicas* replicas = nullptr;   ///< part of the owner; null unless nodes have copies of their own
    const memory::ColdRows* cold_rows = nullptr;  ///< part of the owner; null where nothing has to be asked for
};

/// Whether lookups also read rows after the held bytes.
enum class Rest : bool { unread, mapped };

/// `held` are bytes of the file: those of the tables from their first row on, all of them or as many as are held so;
/// the others are then mapped. `cold` are those of its rows that are mapped and do not fit memory: read-ahead is turned
/// off for them, and lookups must ask for what they read; none where all fit.
/// Errors, with the path: io_error when the system does not read, lock or place the rows; out_of_memory.
Result<HeldRows> hold_rows(const support::MappedFile& file, std::span<const std::span<const std::byte>> held, Rest rest,
                           std::span<const std::span<const std::byte>> cold, Residency residency,
                           const memory::Numa& numa, const memory::Paging& paging);

}  // namespace rowpool::file
