// Tables from tensors that PyTorch quantized by rows: codes here, scales and zero points elsewhere.
#include "tools/inputs/coded_source.hpp"

#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "rowpool/quantize.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

/// Number `row` of a column.
float value(const Matrix& column, std::size_t row) {
    const std::byte* at = column.data + row * column.row_step;
    float narrow = 0;
    double wide = 0;
    if (column.element == Element::f32) {
        std::memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    std::memcpy(&wide, at, sizeof wide);
    return static_cast<float>(wide);
}

class QuantizedSource : public Source {
public:
    QuantizedSource(const std::string& file, NewTable description, QuantizedParts parts)
        : Source(file, std::move(description)), parts_(std::move(parts)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const TableShape& shape = description().shape;
        const std::size_t row_size = row_bytes(shape.format, shape.dim);
        const std::vector<std::byte> numbers = scales_and_biases(first, count);
        const std::size_t number_bytes = row_size - parts_.codes.columns;
        buffer.resize(count * row_size);
        for (std::size_t i = 0; i < count; ++i) {
            std::byte* row = buffer.data() + i * row_size;
            put_codes(first + i, row);
            std::memcpy(row + parts_.codes.columns, numbers.data() + i * number_bytes, number_bytes);
        }
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, 0, {}}, buffer));
    }

private:
    void put_codes(std::size_t row, std::byte* out) const {
        const std::byte* codes = parts_.codes.data + row * parts_.codes.row_step;
        for (std::size_t i = 0; i < parts_.codes.columns; ++i) out[i] = codes[i * parts_.codes.column_step];
    }

    /// Scale and bias of each row as the format stores them.
    std::vector<std::byte> scales_and_biases(std::size_t first, std::size_t count) const {
        std::vector<float> numbers;
        for (std::size_t row = first; row < first + count; ++row) {
            const float scale = value(parts_.scales, row);
            const float bias = -(value(parts_.zero_points, row) * scale);
            if (!std::isfinite(scale) || !std::isfinite(bias)) {
                fail(file(), ": table ", printable(description().name), ", row ", row,
                     ": its scale or bias is not finite");
            }
            numbers.insert(numbers.end(), {scale, bias});
        }
        const auto bytes = std::as_bytes(std::span(numbers));
        if (description().shape.format == RowFormat::int8) return {bytes.begin(), bytes.end()};
        const TableShape shape = {RowFormat::f32, count, 2, 0, {}};
        const Table wide = value_of(Table::view(description().name, shape, bytes));
        std::vector<std::byte> halves(count * row_bytes(RowFormat::f16, 2));
        const Status rounded = quantize_rows(wide, RowFormat::f16, halves, first);
        if (!rounded) fail(file(), ": scale and bias of ", rounded.error().message);
        return halves;
    }

    QuantizedParts parts_;
};

}  // namespace

std::unique_ptr<Source> make_quantized_source(const std::string& file, NewTable description, QuantizedParts parts) {
    description.quantization = "per row, by PyTorch in the source";
    return std::make_unique<QuantizedSource>(file, std::move(description), std::move(parts));
}

}  // namespace rowpool::tools
