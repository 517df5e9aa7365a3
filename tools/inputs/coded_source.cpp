// Tables from codes here and scales elsewhere that keep their codes: rows of a coded format are put together.
#include "tools/inputs/coded_source.hpp"

#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "core/row_layout.hpp"
#include "rowpool/quantize.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

/// Number `row` of a column.
float value(const Matrix& column, std::size_t row) {
    return static_cast<float>(number_at(column.data + row * column.row_step, column.element));
}

class CodedSource : public Source {
public:
    CodedSource(const std::string& file, NewTable description, CodedParts parts)
        : Source(file, std::move(description)), parts_(std::move(parts)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const TableShape& shape = description().shape;
        const std::size_t row_size = row_bytes(shape.format, shape.dim);
        const std::vector<std::byte> numbers = scales_and_biases(first, count);
        const std::size_t number_bytes = qparams_bytes(shape.format);
        const RowLayout layout = row_layout(shape.format, shape.dim);
        buffer.resize(count * row_size);
        for (std::size_t i = 0; i < count; ++i) {
            std::byte* row = buffer.data() + i * row_size;
            put_codes(first + i, row + layout.codes_at);
            std::memcpy(row + layout.qparams_at, numbers.data() + i * number_bytes, number_bytes);
        }
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, 0, {}}, buffer));
    }

private:
    void put_codes(std::size_t row, std::byte* out) const {
        const std::byte* codes = parts_.codes.data + row * parts_.codes.row_step;
        for (std::size_t i = 0; i < parts_.codes.columns; ++i) out[i] = codes[i * parts_.codes.column_step];
    }

    float bias(std::size_t row, float scale) const {
        return parts_.biases ? value(*parts_.biases, row) : -(value(*parts_.zero_points, row) * scale);
    }

    /// Scale and bias of each row as the format stores them.
    std::vector<std::byte> scales_and_biases(std::size_t first, std::size_t count) const {
        std::vector<float> numbers;
        for (std::size_t row = first; row < first + count; ++row) {
            const float scale = value(parts_.scales, row);
            numbers.insert(numbers.end(), {scale, bias(row, scale)});
            if (std::isfinite(scale) && std::isfinite(numbers.back())) continue;
            fail(file(), ": table ", printable(description().name), ", row ", row, ": its scale or bias is not finite");
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

    CodedParts parts_;
};

}  // namespace

std::unique_ptr<Source> make_coded_source(const std::string& file, NewTable description, CodedParts parts) {
    return std::make_unique<CodedSource>(file, std::move(description), std::move(parts));
}

}  // namespace rowpool::tools
