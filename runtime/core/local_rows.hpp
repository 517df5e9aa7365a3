// Where the calling thread reads the rows of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rowpool/table.hpp"

namespace rowpool::core {

/// Whether local_data() and local_remap() may tell other places than the table does.
bool is_replicated(const Table& table) noexcept;

/// First byte of row 0: Table::data(), or with Residency::replicated that of the copy on the NUMA node that the calling
/// thread runs on.
const std::byte* local_data(const Table& table) noexcept;

/// Table::remap(), or the one in the copy that local_data() is in.
std::span<const std::int32_t> local_remap(const Table& table) noexcept;

/// What prefetches rows of a file that does not fit in memory from the disk; null when nothing has to.
const memory::ColdRows* cold_rows(const Table& table) noexcept;

}  // namespace rowpool::core
