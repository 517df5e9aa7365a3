// Tables over arrays, and models of them.
#include "python/tables.hpp"

#include <cstdint>
#include <span>

#include "python/errors.hpp"
#include "rowpool/types.hpp"

namespace rowpool::python {
namespace {

namespace nb = nanobind;

[[noreturn]] void invalid(std::string message) { raise({ErrorCode::invalid_argument, std::move(message)}); }

std::string text(std::string_view view) { return std::string(view); }

std::string all_formats() {
    std::string names;
    for (const RowFormat format : all_row_formats()) names += (names.empty() ? "" : ", ") + text(to_string(format));
    return names;
}

RowFormat named_format(const std::string& name) {
    const std::optional<RowFormat> format = parse_row_format(name);
    if (!format) invalid("format: expected one of " + all_formats() + "; got " + name);
    return *format;
}

std::optional<RowFormat> format_of_elements(const Array& rows) {
    if (is_f32(rows.dtype())) return RowFormat::f32;
    if (is_f16(rows.dtype())) return RowFormat::f16;
    if (is_bf16(rows.dtype())) return RowFormat::bf16;
    return {};
}

/// The format that the elements have or that bytes are said to have.
RowFormat format_of(const Array& rows, const std::optional<std::string>& given) {
    const std::optional<RowFormat> own = format_of_elements(rows);
    const std::string dtype = dtype_name(rows.dtype());
    if (!own && !is_u8(rows.dtype())) {
        throw nb::type_error(("rows: expected float32, float16, bfloat16, uint16 or uint8, got " + dtype).c_str());
    }
    if (!given && !own) invalid("rows: uint8 rows need their format, for example format=\"int8\"");
    if (!given) return *own;
    const RowFormat format = named_format(*given);
    if (own && *own != format) invalid("rows: " + dtype + " rows are " + text(to_string(*own)) + ", not " + *given);
    return format;
}

/// The only dim whose rows have that many bytes; 0 when there is none.
std::size_t dim_of(RowFormat format, std::size_t bytes) {
    const std::size_t bits = row_bytes(format, 16) - row_bytes(format, 8);  // a column: as bytes of 8 of them
    const std::size_t qparams = row_bytes(format, 8) - bits;
    const std::size_t dim = bytes < qparams ? 0 : (bytes - qparams) * 8 / bits;
    return dim >= 1 && dim <= kMaxDim && row_bytes(format, dim) == bytes ? dim : 0;
}

/// The dim that is given, if the bytes of a row are enough for it, or else the one that they tell.
std::size_t checked_dim(RowFormat format, std::optional<std::size_t> given, std::size_t bytes) {
    const std::size_t dim = given.value_or(dim_of(format, bytes));
    const std::string row = std::to_string(bytes) + " bytes are no row of format " + text(to_string(format));
    if (!given && dim == 0) invalid("rows: " + row);
    if (dim < 1 || dim > kMaxDim) invalid("dim: " + std::to_string(dim) + " is not 1 to " + std::to_string(kMaxDim));
    if (row_bytes(format, dim) > bytes) invalid("rows: " + row + " and dim " + std::to_string(dim));
    return dim;
}

/// Bytes from one row to the next.
std::size_t stride_of(const Array& rows) {
    if (rows.ndim() != 2) invalid("rows: expected two dimensions, got " + std::to_string(rows.ndim()));
    if (rows.size() != 0 && rows.shape(1) > 1 && rows.stride(1) != 1) invalid("rows: not contiguous");
    if (rows.size() == 0 || rows.shape(0) == 1) return rows.shape(1) * rows.itemsize();
    if (rows.stride(0) < static_cast<std::int64_t>(rows.shape(1))) invalid("rows: overlap or run backwards");
    return static_cast<std::size_t>(rows.stride(0)) * rows.itemsize();
}

}  // namespace

HeldTable view_table(nb::handle object, const std::optional<std::string>& format, std::optional<std::size_t> dim,
                     std::string name) {
    Array rows = take_array(object, "rows");
    TableShape shape;
    shape.format = format_of(rows, format);
    shape.row_stride = stride_of(rows);
    shape.rows = rows.shape(0);
    const std::size_t bytes = rows.shape(1) * rows.itemsize();
    shape.dim = checked_dim(shape.format, dim, bytes);
    const std::size_t all_bytes = shape.rows == 0 ? 0 : (shape.rows - 1) * shape.row_stride + bytes;
    const std::span memory(static_cast<const std::byte*>(rows.data()), all_bytes);
    return {value_of(Table::view(std::move(name), shape, memory)), std::move(rows)};
}

HeldModel make_model(const std::vector<std::pair<HeldTable, std::string>>& pairs) {
    std::vector<Feature> features;
    std::vector<HeldTable> tables;
    for (const auto& [table, mode] : pairs) {
        features.push_back({table.table, {.mode = pooling_of(mode.c_str())}});
        tables.push_back(table);
    }
    return {value_of(Model::create(std::move(features))), std::move(tables)};
}

Pooling pooling_of(const char* mode) {
    const std::optional<Pooling> pooling = parse_pooling(mode);
    if (!pooling) invalid(std::string("mode: expected none, sum, mean, sqrtn or max; got ") + mode);
    return *pooling;
}

}  // namespace rowpool::python
