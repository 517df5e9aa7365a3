// Checks and normalises the shape of a table.
#include "core/table_shape.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "rowpool/types.hpp"
#include "support/checked_math.hpp"

namespace rowpool {
namespace {

constexpr std::size_t kMostRemappedRows = std::numeric_limits<std::int32_t>::max();

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

// (rows - 1) * stride + bytes of the last row: no gap is required after the last row.
std::optional<std::size_t> needed_bytes(const TableShape& shape) {
    if (shape.rows == 0) return 0;
    const auto gaps = support::checked_mul(shape.rows - 1, shape.row_stride);
    return gaps ? support::checked_add(*gaps, row_bytes(shape.format, shape.dim)) : std::nullopt;
}

// A negative index counts from the end. `ids` fits in int64: a row has at least two bytes and their total did not
// overflow, and a remap is in memory.
Status wrap_padding_index(TableShape& shape, std::size_t ids) {
    if (!shape.padding_index) return {};
    const auto end = static_cast<std::int64_t>(ids);
    const std::int64_t given = *shape.padding_index;
    if (given < -end || given >= end) {
        return invalid("padding index " + std::to_string(given) + " is outside its " + std::to_string(ids) + " ids");
    }
    shape.padding_index = given < 0 ? given + end : given;
    return {};
}

}  // namespace

Result<CheckedShape> check_shape(const TableShape& given, std::size_t remapped) {
    TableShape shape = given;
    if (shape.dim < 1 || shape.dim > kMaxDim) {
        return invalid("dim " + std::to_string(shape.dim) + " is not 1 to " + std::to_string(kMaxDim));
    }
    const std::size_t row = row_bytes(shape.format, shape.dim);
    if (shape.row_stride == 0) shape.row_stride = row;
    if (shape.row_stride < row) {
        return invalid("row stride " + std::to_string(shape.row_stride) + " is below the " + std::to_string(row) +
                       " bytes of a row");
    }
    const auto bytes = needed_bytes(shape);
    if (!bytes) return invalid("the bytes of " + std::to_string(shape.rows) + " rows do not fit 64 bits");
    if (remapped != 0 && shape.rows > kMostRemappedRows) {
        return invalid(std::to_string(shape.rows) + " rows are more than a remap can name");
    }
    const Status padding = wrap_padding_index(shape, remapped == 0 ? shape.rows : remapped);
    if (!padding) return padding.error();
    return CheckedShape{shape, *bytes};
}

}  // namespace rowpool
