// Runs of rows of a table, and the norms of rows.
#include "tools/base/rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
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
