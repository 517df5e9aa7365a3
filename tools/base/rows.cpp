// Runs of rows of a table.
#include "tools/base/rows.hpp"

#include <string>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

namespace {

/// Bytes of so many rows of a table, the gap after the last one left out.
std::size_t bytes_of_rows(const Table& table, std::size_t count) {
    return count == 0 ? 0 : (count - 1) * table.row_stride() + row_bytes(table.format(), table.dim());
}

}  // namespace

Table row_range(const Table& table, std::size_t first, std::size_t count) {
    const TableShape shape = {table.format(), count, table.dim(), table.row_stride(), {}};
    const std::byte* begin = table.data() + first * table.row_stride();
    return value_of(Table::view(std::string(table.name()), shape, {begin, bytes_of_rows(table, count)}));
}

std::span<const std::byte> bytes_of(const Table& table) { return {table.data(), bytes_of_rows(table, table.rows())}; }

}  // namespace rowpool::tools
