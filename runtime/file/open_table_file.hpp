// Opening a table file on a machine that tests make up.
#pragma once

#include <string>

#include "memory/numa.hpp"
#include "memory/paging.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool {

/// TableFile::open() with the given NUMA nodes and paging, which must outlive the file and its tables.
Result<TableFile> open_table_file(const std::string& path, const OpenOptions& options, const memory::Numa& numa,
                                  const memory::Paging& paging);

}  // namespace rowpool
