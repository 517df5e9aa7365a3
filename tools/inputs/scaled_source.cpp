// Tables from codes of one byte and the scales that they are multiplied by.
#include "tools/inputs/scaled_source.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

double block_number(const BlockNumbers& blocks, std::size_t row, std::size_t column) {
    const Matrix& numbers = blocks.numbers;
    const std::size_t at =
        row / blocks.block_rows * numbers.row_step + column / blocks.block_columns * numbers.column_step;
    return number_at(numbers.data + at, numbers.element);
}

class ScaledSource : public Source {
public:
    ScaledSource(const std::string& file, NewTable description, ScaledCodes parts)
        : Source(file, std::move(description)), parts_(std::move(parts)), values_(byte_values(parts_.codes.element)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const std::size_t dim = parts_.codes.columns;
        buffer.resize(count * dim * sizeof(float));
        std::vector<float> row(dim);
        for (std::size_t i = 0; i < count; ++i) {
            decode(first + i, row);
            if (parts_.scales) scale(first + i, row);
            std::memcpy(buffer.data() + i * dim * sizeof(float), row.data(), dim * sizeof(float));
        }
        return value_of(Table::view(description().name, {RowFormat::f32, count, dim, 0, {}}, buffer));
    }

private:
    void decode(std::size_t row, std::vector<float>& out) const {
        const std::byte* codes = parts_.codes.data + row * parts_.codes.row_step;
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = values_[std::to_integer<std::size_t>(codes[i * parts_.codes.column_step])];
        }
    }

    void scale(std::size_t row, std::vector<float>& out) const {
        const std::size_t step = parts_.scales->block_columns;
        for (std::size_t begin = 0; begin < out.size(); begin += std::min(step, out.size() - begin)) {
            const double scale = finite(block_number(*parts_.scales, row, begin), row, "scale");
            const double zero_point =
                parts_.zero_points ? finite(block_number(*parts_.zero_points, row, begin), row, "zero point") : 0;
            const std::size_t end = begin + std::min(step, out.size() - begin);
            for (std::size_t i = begin; i < end; ++i) out[i] = static_cast<float>((out[i] - zero_point) * scale);
        }
    }

    double finite(double number, std::size_t row, const char* what) const {
        if (std::isfinite(number)) return number;
        fail(file(), ": table ", printable(description().name), ", row ", row, ": a ", what, " of it is not finite");
    }

    ScaledCodes parts_;
    const std::array<float, 256>& values_;
};

}  // namespace

std::unique_ptr<Source> make_scaled_source(const std::string& file, NewTable description, ScaledCodes codes) {
    return std::make_unique<ScaledSource>(file, std::move(description), std::move(codes));
}

}  // namespace rowpool::tools
