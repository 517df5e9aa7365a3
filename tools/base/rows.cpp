// Runs of rows of a table, for commands that work through a table in blocks.
#include "tools/base/rows.hpp"

#include <string>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

Table row_range(const Table& table, std::size_t first, std::size_t count) {
    const TableShape shape = {table.format(), count, table.dim(), table.row_stride(), {}};
    const std::size_t bytes =
        count == 0 ? 0 : (count - 1) * table.row_stride() + row_bytes(table.format(), table.dim());
    return value_of(Table::view(std::string(table.name()), shape, {table.data() + first * table.row_stride(), bytes}));
}

}  // namespace rowpool::tools
