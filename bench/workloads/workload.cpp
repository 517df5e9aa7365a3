// Tables and ids for the benchmarks of one table.
#include "bench/workloads/workload.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "bench/measure/traffic.hpp"
#include "rowpool/quantize.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kDistinctRows = 4093;

/// The start of the buffer that whole rows fill.
std::span<std::byte> whole_rows(std::span<std::byte> buffer, std::size_t bytes_a_row) {
    return buffer.first(buffer.size() / bytes_a_row * bytes_a_row);
}

}  // namespace

std::vector<std::byte> row_pattern(RowFormat format, std::size_t dim) {
    Random random(dim);
    std::vector<float> values(kDistinctRows * dim);
    std::generate(values.begin(), values.end(), [&] { return static_cast<float>(2 * random.unit() - 1); });
    const Table source = table_over(RowFormat::f32, kDistinctRows, dim, std::as_bytes(std::span(values)));
    std::vector<std::byte> encoded(kDistinctRows * row_bytes(format, dim));
    if (const Status status = quantize_rows(source, format, encoded); !status) {
        throw std::logic_error(status.error().message);
    }
    return encoded;
}

Table fill_table(std::span<std::byte> buffer, std::span<const std::byte> pattern, RowFormat format, std::size_t dim) {
    for (std::size_t at = 0; at < buffer.size(); at += pattern.size()) {
        std::memcpy(buffer.data() + at, pattern.data(), std::min(pattern.size(), buffer.size() - at));
    }
    return table_over(format, buffer.size() / row_bytes(format, dim), dim, buffer);
}

Table table_over(RowFormat format, std::size_t rows, std::size_t dim, std::span<const std::byte> bytes) {
    TableShape shape;
    shape.format = format;
    shape.rows = rows;
    shape.dim = dim;
    Result<Table> table = Table::view("bench", shape, bytes);
    if (!table) throw std::logic_error(table.error().message);
    return *std::move(table);
}

FilledTable::FilledTable(RowFormat format, std::size_t dim, const Place* place)
    : buffer_(place->table_bytes),
      table_(fill_table(whole_rows(buffer_.bytes(), row_bytes(format, dim)), row_pattern(format, dim), format, dim)) {}

IdSets::IdSets(std::size_t rows, const Place* place, double alpha)
    : ids_(place->lookups * place->sets), lookups_(place->lookups) {
    Random random(rows);
    const Zipf rank(rows, alpha);
    const Scatter scatter(rows, random.next());
    std::generate(ids_.begin(), ids_.end(), [&] { return static_cast<std::int32_t>(scatter(rank(random))); });
}

std::span<const std::int32_t> IdSets::next() noexcept {
    const std::span<const std::int32_t> set = std::span<const std::int32_t>(ids_).subspan(at_, lookups_);
    at_ = (at_ + lookups_) % ids_.size();
    return set;
}

}  // namespace rowpool::bench
