// Tables from matrices that lie in memory, whatever the order of their elements.
#include "tools/inputs/matrix_source.hpp"

#include <cmath>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

template <class Word>
Word swapped(Word word) {
    if constexpr (sizeof(Word) == 1) return word;
    if constexpr (sizeof(Word) == 2) return __builtin_bswap16(word);
    if constexpr (sizeof(Word) == 4) return __builtin_bswap32(word);
    if constexpr (sizeof(Word) == 8) return __builtin_bswap64(word);
}

/// The double rounded to nearest. Fails, naming its place, when a finite one does not fit.
float narrowed(double wide, const std::string& place, std::size_t row, std::size_t column) {
    const auto value = static_cast<float>(wide);
    if (std::isinf(value) && !std::isinf(wide)) {
        fail(place, ": row ", row, ", column ", column, ": ", wide, " does not fit f32");
    }
    return value;
}

class MatrixSource : public Source {
public:
    MatrixSource(const std::string& file, NewTable description, Matrix matrix, std::string place)
        : Source(file, std::move(description)),
          matrix_(std::move(matrix)),
          place_(std::move(place)),
          item_(element_bytes(matrix_.element)),
          row_bytes_(row_bytes(this->description().shape.format, this->description().shape.dim)) {
        if (place_.empty()) place_ = file;
    }

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        if (usable_as_they_lie()) {
            const std::size_t bytes = count == 0 ? 0 : (count - 1) * matrix_.row_step + row_bytes_;
            return table(count, matrix_.row_step, {matrix_.data + first * matrix_.row_step, bytes});
        }
        buffer.resize(count * row_bytes_);
        switch (matrix_.element) {
            case Element::u8:
                gather<std::uint8_t>(first, count, buffer.data());
                break;
            case Element::f16:
            case Element::bf16:
                gather<std::uint16_t>(first, count, buffer.data());
                break;
            case Element::f32:
                gather<std::uint32_t>(first, count, buffer.data());
                break;
            default:  // f64: of the others there are no tables
                gather<std::uint64_t>(first, count, buffer.data());
                break;
        }
        return table(count, 0, buffer);
    }

private:
    bool usable_as_they_lie() const {
        const bool side_by_side = matrix_.column_step == item_ || matrix_.columns == 1;
        return side_by_side && !matrix_.big_endian && matrix_.element != Element::f64 && matrix_.row_step >= row_bytes_;
    }

    Table table(std::size_t count, std::size_t stride, std::span<const std::byte> bytes) const {
        const TableShape& shape = description().shape;
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, stride, {}}, bytes));
    }

    /// Puts elements of any order into rows of native ones; f64 are narrowed to f32.
    template <class Word>
    void gather(std::size_t first, std::size_t count, std::byte* out) const {
        for (std::size_t row = first; row < first + count; ++row) {
            for (std::size_t column = 0; column < matrix_.columns; ++column) {
                Word word;
                const std::size_t at = row * matrix_.row_step + column * matrix_.column_step;
                std::memcpy(&word, matrix_.data + at, sizeof word);
                if (matrix_.big_endian) word = swapped(word);
                out = put(word, row, column, out);
            }
        }
    }

    template <class Word>
    std::byte* put(Word word, std::size_t row, std::size_t column, std::byte* out) const {
        if constexpr (std::is_same_v<Word, std::uint64_t>) {
            double wide = 0;
            std::memcpy(&wide, &word, sizeof wide);
            const float value = narrowed(wide, place_, row, column);
            std::memcpy(out, &value, sizeof value);
            return out + sizeof value;
        } else {
            std::memcpy(out, &word, sizeof word);
            return out + sizeof word;
        }
    }

    Matrix matrix_;
    std::string place_;
    std::size_t item_;
    std::size_t row_bytes_;
};

/// The most values that a row of so many bytes can hold, or 0.
std::size_t widest_dim(RowFormat format, std::size_t bytes) {
    std::size_t dim = 0;
    std::size_t too_wide = kMaxDim + 1;
    while (too_wide - dim > 1) {
        const std::size_t middle = dim + (too_wide - dim) / 2;
        (row_bytes(format, middle) <= bytes ? dim : too_wide) = middle;
    }
    return dim > 0 && row_bytes(format, dim) == bytes ? dim : 0;
}

}  // namespace

RowFormat format_of(Element element) {
    if (element == Element::f16) return RowFormat::f16;
    return element == Element::bf16 ? RowFormat::bf16 : RowFormat::f32;
}

Matrix dense_matrix(std::shared_ptr<const void> owner, const std::byte* data, Element element, std::size_t rows,
                    std::size_t columns) {
    const std::size_t item = element_bytes(element);
    return {.owner = std::move(owner),
            .data = data,
            .element = element,
            .rows = rows,
            .columns = columns,
            .row_step = columns * item,
            .column_step = item};
}

std::optional<TableShape> shape_of(const Matrix& matrix, std::optional<RowFormat> packed, const std::string& where) {
    TableShape shape = {format_of(matrix.element), matrix.rows, matrix.columns, 0, {}};
    if (matrix.element == Element::u8) {
        if (!packed) return {};
        shape.format = *packed;
        shape.dim = widest_dim(*packed, matrix.columns);
        if (shape.dim == 0) {
            fail(where, ": its rows of ", matrix.columns, " bytes are no ", to_string(*packed),
                 " rows, of which the shortest has ", row_bytes(*packed, 1),
                 "; --packed must match none but packed rows");
        }
    }
    if (matrix.element != Element::u8 && !is_float(matrix.element)) return {};
    if (shape.dim == 0 || shape.dim > kMaxDim) return {};
    return shape;
}

std::unique_ptr<Source> make_matrix_source(const std::string& file, NewTable description, Matrix matrix,
                                           std::string place) {
    if (matrix.element == Element::u8) description.quantization = "as in the source";
    return std::make_unique<MatrixSource>(file, std::move(description), std::move(matrix), std::move(place));
}

}  // namespace rowpool::tools
