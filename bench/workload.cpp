// Tables and ids for the benchmarks.
#include "bench/workload.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "rowpool/quantize.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kDistinctRows = 4093;

std::vector<std::byte> random_rows(RowFormat format, std::size_t rows, std::size_t dim) {
    Random random(dim);
    std::vector<float> values(rows * dim);
    std::generate(values.begin(), values.end(), [&] { return random.value(); });
    const Table source = table_over(RowFormat::f32, rows, dim, std::as_bytes(std::span(values)));
    std::vector<std::byte> encoded(rows * row_bytes(format, dim));
    if (const Status status = quantize_rows(source, format, encoded); !status) {
        throw std::logic_error(status.error().message);
    }
    return encoded;
}

/// Fills the buffer with rows and makes a table of all that fit.
Table fill(std::span<std::byte> buffer, RowFormat format, std::size_t dim, std::size_t bytes) {
    const std::size_t rows = bytes / row_bytes(format, dim);
    const std::vector<std::byte> pattern = random_rows(format, std::min(rows, kDistinctRows), dim);
    const std::span<std::byte> filled = buffer.first(rows * row_bytes(format, dim));
    for (std::size_t at = 0; at < filled.size(); at += pattern.size()) {
        std::memcpy(filled.data() + at, pattern.data(), std::min(pattern.size(), filled.size() - at));
    }
    return table_over(format, rows, dim, filled);
}

}  // namespace

Table table_over(RowFormat format, std::size_t rows, std::size_t dim, std::span<const std::byte> bytes) {
    TableShape shape;
    shape.format = format;
    shape.rows = rows;
    shape.dim = dim;
    Result<Table> table = Table::view("bench", shape, bytes);
    if (!table) throw std::logic_error(table.error().message);
    return *std::move(table);
}

FilledTable::FilledTable(RowFormat format, std::size_t dim, const Place& place)
    : buffer_(place.table_bytes), table_(fill(buffer_.bytes(), format, dim, place.table_bytes)), place_(place) {}

const FilledTable& FilledTable::get(RowFormat format, std::size_t dim, const Place& place) {
    static std::unique_ptr<const FilledTable> kept;
    const bool same =
        kept && kept->table().format() == format && kept->table().dim() == dim && &kept->place() == &place;
    if (!same) {
        kept.reset();
        kept = std::make_unique<const FilledTable>(format, dim, place);
    }
    return *kept;
}

IdSets::IdSets(std::size_t rows, const Place& place) : ids_(place.lookups * place.sets), lookups_(place.lookups) {
    Random random(rows);
    std::generate(ids_.begin(), ids_.end(), [&] { return static_cast<std::int32_t>(random.below(rows)); });
}

std::span<const std::int32_t> IdSets::next() noexcept {
    const std::span<const std::int32_t> set = std::span<const std::int32_t>(ids_).subspan(at_, lookups_);
    at_ = (at_ + lookups_) % ids_.size();
    return set;
}

}  // namespace rowpool::bench
