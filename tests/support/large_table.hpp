// Tables of any size, for rules that ask for sizes and read no rows.
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstddef>

#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool::test {

/// Calls f with a table of so many MiB whose rows nobody may read.
template <class F>
auto with_large_table(RowFormat format, std::size_t dim, std::size_t mib, const F& f) {
    const std::size_t rows = (mib << 20) / row_bytes(format, dim);
    void* const pages = ::mmap(nullptr, mib << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    const auto table = Table::view("t", {.format = format, .rows = rows, .dim = dim},
                                   {static_cast<const std::byte*>(pages), mib << 20});
    REQUIRE(table);
    const auto result = f(*table);
    ::munmap(pages, mib << 20);
    return result;
}

}  // namespace rowpool::test
