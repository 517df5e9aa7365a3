// Tables from tensors that PyTorch quantized: codes, and scales and zero points of the tensor, its rows or its columns.
#include "tools/inputs/torch/quantized_tensor.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "tools/inputs/coded_source.hpp"
#include "tools/inputs/scaled_source.hpp"

namespace rowpool::tools {

namespace {

/// One-dimensional numbers for each place along an axis, of a type that PyTorch has for them.
bool fits_axis(const TorchTensor* numbers, std::uint64_t size, bool may_be_integers) {
    if (numbers->unreadable != nullptr || numbers->quantization) return false;
    if (numbers->sizes != std::vector<std::uint64_t>{size}) return false;
    const auto element = numbers->type->element;
    return element == Element::f32 || element == Element::f64 || (may_be_integers && element == Element::i64);
}

/// Codes of 4 bits are read where two of them are a byte of a row.
bool has_packed_rows(const TorchTensor& tensor) {
    const std::uint64_t dim = tensor.sizes[1];
    return dim % 2 == 0 && tensor.offset == 0 && tensor.strides[0] == dim && tensor.strides[1] == 1;
}

/// A column that repeats one number.
Matrix repeated(double number, std::size_t rows) {
    const auto owner = std::make_shared<const double>(number);
    Matrix matrix = dense_matrix(owner, reinterpret_cast<const std::byte*>(owner.get()), Element::f64, rows, 1);
    matrix.row_step = 0;
    return matrix;
}

/// Numbers of columns as a row of them.
Matrix transposed(Matrix column) {
    std::swap(column.rows, column.columns);
    std::swap(column.row_step, column.column_step);
    return column;
}

}  // namespace

std::optional<RowFormat> quantized_format(const TorchTensor& tensor) {
    const TorchQuantization& scheme = *tensor.quantization;
    const bool half_bytes = is_quint4x2(*tensor.type);
    if (!half_bytes && !is_quint8(*tensor.type) && !is_qint8(*tensor.type)) return {};
    const std::uint64_t dim = tensor.sizes[1];
    if (dim == 0 || dim > kMaxDim) return {};
    if (scheme.scales != nullptr) {
        if (scheme.axis != 0 && scheme.axis != 1) return {};
        const std::uint64_t size = tensor.sizes[static_cast<std::size_t>(scheme.axis)];
        if (!fits_axis(scheme.scales, size, false) || !fits_axis(scheme.zero_points, size, !half_bytes)) return {};
    }
    const bool by_rows = scheme.scales == nullptr || scheme.axis == 0;
    if (half_bytes) return by_rows && has_packed_rows(tensor) ? std::optional(RowFormat::int4) : std::nullopt;
    return is_quint8(*tensor.type) && by_rows ? RowFormat::int8 : RowFormat::f32;
}

std::unique_ptr<Source> make_quantized_source(const std::string& file, NewTable description, const TorchTensor& tensor,
                                              const MatrixOf& matrix_of) {
    const TorchQuantization& scheme = *tensor.quantization;
    const RowFormat format = description.shape.format;
    const std::size_t rows = description.shape.rows;
    const std::size_t dim = description.shape.dim;
    TorchTensor codes = tensor;
    if (format == RowFormat::int4) codes.sizes[1] = codes.strides[0] = dim / 2;
    Matrix code_matrix = matrix_of(codes, is_qint8(*tensor.type) ? Element::i8 : Element::u8);
    const auto numbers_of = [&](const TorchTensor* numbers, double of_all) {
        return numbers != nullptr ? matrix_of(*numbers, *numbers->type->element) : repeated(of_all, rows);
    };
    // PyTorch multiplies by scales of places in f64, and by that of a tensor in f32.
    Matrix scales = numbers_of(scheme.scales, static_cast<float>(scheme.scale));
    Matrix zero_points = numbers_of(scheme.zero_points, static_cast<double>(scheme.zero_point));
    if (is_coded(format)) {
        description.quantization = "by PyTorch in the source";
        CodedParts parts = {std::move(code_matrix), std::move(scales), {}, std::move(zero_points)};
        return make_coded_source(file, std::move(description), std::move(parts));
    }
    const auto blocks = [&](Matrix numbers) {
        if (scheme.axis == 0) return BlockNumbers{std::move(numbers), 1, dim};
        return BlockNumbers{transposed(std::move(numbers)), std::max<std::size_t>(rows, 1), 1};
    };
    return make_scaled_source(file, std::move(description),
                              {std::move(code_matrix), blocks(std::move(scales)), blocks(std::move(zero_points))});
}

}  // namespace rowpool::tools
