// Holds the rows of an opened file in memory as OpenOptions say.
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

/// The memory that lookups read rows from.
struct HeldRows {
    std::shared_ptr<const void> owner;           ///< keeps that memory alive
    std::vector<const std::byte*> tables;        ///< first byte of each table
    const memory::Replicas* replicas = nullptr;  ///< part of the owner; null unless there are copies per NUMA node
};

/// Whether lookups also read rows after the held bytes.
enum class Rest : bool { unread, mapped };

/// `held` are spans of the file, one per table from its first row on: the whole table, or its hot part; the other rows
/// are then mapped. Errors, with the path: io_error when the system cannot read, lock or place the rows; out_of_memory.
Result<HeldRows> hold_rows(const support::MappedFile& file, std::span<const std::span<const std::byte>> held, Rest rest,
                           Residency residency, const memory::Numa& numa);

}  // namespace rowpool::file
