// Tables from ONNX models: their two-dimensional initializers of floats.
#include "tools/inputs/onnx/onnx_source.hpp"

#include <cstring>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/onnx/onnx.hpp"
#include "tools/inputs/onnx/onnx_external.hpp"
#include "tools/inputs/onnx/onnx_quantized.hpp"
#include "tools/inputs/onnx/protobuf.hpp"
#include "tools/inputs/row_positions.hpp"

namespace rowpool::tools {

namespace {

/// What messages about the values of a table call it.
std::string place_of(const std::string& file, std::string_view name) {
    return file + ": initializer " + printable(name);
}

/// Rows of halves, each a varint, which differ in size.
class VarintSource : public Source {
public:
    VarintSource(std::string file, NewTable description, SharedBytes varints)
        : Source(std::move(file), std::move(description)),
          varints_(std::move(varints)),
          positions_(this->description().shape.dim) {
        const auto [format, rows, dim, stride, padding] = this->description().shape;
        std::span<const std::byte> rest = varints_.bytes;
        for (std::size_t row = 0; row < rows; ++row) {
            if (positions_.keeps(row)) {
                stop_if_interrupted();
                positions_.add(varints_.bytes.size() - rest.size());
            }
            for (std::size_t column = 0; column < dim; ++column) take_half(rest, row, column);
        }
        if (!rest.empty()) fail(place(), ": more than ", rows, " x ", dim, " elements");
    }

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const auto [format, rows, dim, stride, padding] = description().shape;
        buffer.resize(count * dim * sizeof(std::uint16_t));
        if (count > 0) copy_rows(first, count, buffer.data());
        return value_of(Table::view(description().name, {format, count, dim, 0, {}}, buffer));
    }

private:
    std::string place() const { return place_of(file(), description().name); }

    void copy_rows(std::size_t first, std::size_t count, std::byte* out) const {
        const std::size_t dim = description().shape.dim;
        const RowPositions::RowStart from = positions_.before(first);
        std::span<const std::byte> rest = varints_.bytes.subspan(from.position);
        for (std::size_t row = from.row; row < first + count; ++row) {
            for (std::size_t column = 0; column < dim; ++column) {
                const std::uint16_t half = take_half(rest, row, column);
                if (row < first) continue;
                std::memcpy(out, &half, sizeof half);
                out += sizeof half;
            }
        }
    }

    std::uint16_t take_half(std::span<const std::byte>& rest, std::size_t row, std::size_t column) const {
        const std::optional<std::uint64_t> bits = take_varint(rest);
        if (bits && *bits <= 0xffff) return static_cast<std::uint16_t>(*bits);
        fail(place(), ": row ", row, ", column ", column, ": ",
             rest.empty() ? "the values end before it" : "int32_data holds no 16 bits there");
    }

    SharedBytes varints_;
    RowPositions positions_;
};

Element element_of(OnnxType type) {
    switch (type) {
        case OnnxType::f16:
            return Element::f16;
        case OnnxType::bf16:
            return Element::bf16;
        case OnnxType::f64:
            return Element::f64;
        case OnnxType::f32:
            break;
    }
    return Element::f32;
}

std::unique_ptr<Source> make_source(const std::string& path, const OnnxTensor& tensor, SharedBytes values) {
    const Element element = element_of(tensor.type);
    NewTable description;
    description.name = tensor.name;
    description.source = file_name_of(path) + ":" + description.name;
    description.shape.format = format_of(element);
    description.shape.rows = tensor.rows;
    description.shape.dim = tensor.dim;
    if (tensor.varints) return std::make_unique<VarintSource>(path, std::move(description), std::move(values));
    Matrix matrix = dense_matrix(std::move(values.owner), values.bytes.data(), element, tensor.rows, tensor.dim);
    return make_matrix_source(path, std::move(description), std::move(matrix), place_of(path, tensor.name));
}

}  // namespace

Sources open_onnx_sources(support::MappedFile mapped, Reading& reading) {
    const auto file = std::make_shared<const support::MappedFile>(std::move(mapped));
    const std::string& path = file->path();
    OnnxExternalFiles external(path);
    Sources sources;
    const OnnxTensors tensors = parse_onnx(path, file->bytes());
    OnnxQuantized quantized = quantized_tables(file, tensors);
    for (const OnnxOther& other : tensors.others) {
        if (quantized.taken.contains(other.name)) continue;
        const std::string type = onnx_type_name(other.type);
        leave_out(reading, path, other.name, type, other.shape, reason_for(type, other.shape));
    }
    for (const OnnxTensor& tensor : tensors.tables) {
        if (quantized.taken.contains(tensor.name)) continue;
        const SharedBytes inside = {file, tensor.varints.value_or(tensor.values)};
        sources.push_back(make_source(path, tensor, tensor.external ? external.values(tensor) : inside));
    }
    for (std::unique_ptr<Source>& source : quantized.sources) sources.push_back(std::move(source));
    if (sources.empty()) {
        refuse_empty(
            reading, path,
            "no two-dimensional FLOAT, FLOAT16, BFLOAT16 or DOUBLE initializer, no codes that DequantizeLinear "
            "reads");
    }
    return sources;
}

}  // namespace rowpool::tools
