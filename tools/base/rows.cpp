// Runs of rows of a table, and the norms of rows.
#include "tools/base/rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

Table row_range(const Table& table, std::size_t first, std::size_t count) {
    const TableShape shape = {table.format(), count, table.dim(), table.row_stride(), {}};
    const std::size_t bytes =
        count == 0 ? 0 : (count - 1) * table.row_stride() + row_bytes(table.format(), table.dim());
    return value_of(Table::view(std::string(table.name()), shape, {table.data() + first * table.row_stride(), bytes}));
}

double norm_of(std::span<const float> row, double p) {
    double largest = 0;
    double smallest = std::numeric_limits<double>::infinity();
    double sum = 0;
    for (const float x : row) {
        const double size = std::abs(static_cast<double>(x));
        if (std::isnan(size)) return size;
        largest = std::max(largest, size);
        smallest = std::min(smallest, size);
        sum += p == 2 ? size * size : p == 0 ? (size != 0 ? 1 : 0) : std::pow(size, p);
    }
    if (std::isinf(p)) return p > 0 ? largest : smallest;
    return p == 2 ? std::sqrt(sum) : p == 0 ? sum : std::pow(sum, 1 / p);
}

}  // namespace rowpool::tools
