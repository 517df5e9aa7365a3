// Tables from safetensors files, rowpool's own ones included.
#include "tools/inputs/safetensors/table_source.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/matrix_source.hpp"

namespace rowpool::tools {

namespace {

class TableSource : public Source {
public:
    TableSource(const std::string& path, const TableFile& file, NewTable description, std::size_t position)
        : Source(path, std::move(description), std::make_shared<TableFile>(file)),
          table_(file.tables()[position]),
          error_(file.origin(position).error) {}

    std::optional<ErrorMetrics> error() const override { return error_; }

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& /*buffer*/) const override {
        return row_range(table_, first, count);
    }

private:
    Table table_;
    std::optional<ErrorMetrics> error_;
};

NewTable describe(const std::string& path, const TableFile& file, std::size_t position) {
    const Table& table = file.tables()[position];
    NewTable description;
    description.name = table.name();
    description.shape = {table.format(), table.rows(), table.dim(), 0, table.padding_index()};
    description.source = file_name_of(path) + ":" + description.name;
    description.quantization = file.origin(position).quantization;
    description.row_names = value_of(file.joined_row_names(position));
    description.remap = table.remap();
    description.hot_rows = file.hot_rows(position);
    return description;
}

std::optional<Element> element_of(std::string_view dtype) {
    static constexpr std::array<std::pair<std::string_view, Element>, 12> kElements = {{
        {"U8", Element::u8},
        {"I8", Element::i8},
        {"I32", Element::i32},
        {"I64", Element::i64},
        {"F8_E4M3", Element::f8_e4m3},
        {"F8_E5M2", Element::f8_e5m2},
        {"F8_E4M3FNUZ", Element::f8_e4m3fnuz},
        {"F8_E5M2FNUZ", Element::f8_e5m2fnuz},
        {"F16", Element::f16},
        {"BF16", Element::bf16},
        {"F32", Element::f32},
        {"F64", Element::f64},
    }};
    const auto found = std::ranges::find(kElements, dtype, &std::pair<std::string_view, Element>::first);
    return found == kElements.end() ? std::nullopt : std::optional(found->second);
}

/// Whether a tensor has the bytes of its shape: that is checked of the types that safetensors defines.
bool has_its_bytes(const TensorView& tensor, Element element) {
    std::uint64_t bytes = element_bytes(element);
    for (const std::uint64_t size : tensor.shape) {
        if (__builtin_mul_overflow(bytes, size, &bytes)) return false;
    }
    return bytes == tensor.bytes.size();
}

/// The elements of a tensor of at most two dimensions; those of a vector are a column.
Matrix matrix_of(const TableFile& file, const TensorView& tensor, Element element) {
    const std::size_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
    const std::size_t columns = tensor.shape.size() < 2 ? 1 : tensor.shape[1];
    return dense_matrix(std::make_shared<TableFile>(file), tensor.bytes.data(), element, rows, columns);
}

std::set<std::string_view> table_names(const TableFile& file) {
    std::set<std::string_view> names;
    for (const Table& table : file.tables()) names.insert(table.name());
    return names;
}

bool is_internal(const TensorView& tensor) { return tensor.name.starts_with("__"); }

void leave_out(Reading& reading, const std::string& path, const TensorView& tensor, const std::string& reason) {
    leave_out(reading, path, tensor.name, tensor.dtype, tensor.shape,
              reason.empty() ? reason_for(tensor.dtype, tensor.shape) : reason);
}

/// The table that a tensor of bytes or of F64 is, or null.
std::unique_ptr<Source> matrix_source(const std::string& path, const TableFile& file, const TensorView& tensor,
                                      Element element, std::optional<RowFormat> packed) {
    if (tensor.shape.size() != 2) return nullptr;
    Matrix matrix = matrix_of(file, tensor, element);
    const auto shape = shape_of(matrix, packed, path + ": tensor " + printable(tensor.name));
    if (!shape) return nullptr;
    NewTable description;
    description.name = tensor.name;
    description.source = file_name_of(path) + ":" + description.name;
    description.shape = *shape;
    return make_matrix_source(path, std::move(description), std::move(matrix));
}

/// Adds the table that a tensor can be made into, if it is none of the file.
void add_tensor(const std::string& path, const TableFile& file, const TensorView& tensor, const ScaledTensors& scaled,
                Reading& reading, Sources& sources) {
    const std::optional<Element> element = element_of(tensor.dtype);
    if (!element || !has_its_bytes(tensor, *element)) return leave_out(reading, path, tensor, "");
    const bool takes_packed = *element == Element::u8 && tensor.shape.size() == 2;
    const auto packed = takes_packed ? reading.packed.take(tensor.name) : std::nullopt;
    std::unique_ptr<Source> source;
    const std::optional<std::string> reason = scaled.reason(tensor.name);
    if (reason && (!packed || scaled.are_rows(tensor.name))) {
        if (!reason->empty()) return leave_out(reading, path, tensor, *reason);
        source = scaled.source(tensor.name, path, packed, reading);
    } else {
        source = matrix_source(path, file, tensor, *element, packed);
    }
    if (source == nullptr) return leave_out(reading, path, tensor, "");
    sources.push_back(std::move(source));
}

Sources all_sources(const InputFile& input, Reading& reading) {
    const std::string& path = input.file.path();
    const TableFile file = value_of(TableFile::open(input.readable_path(), {.read_ahead = ReadAhead::on}));  // in order
    Sources sources = open_table_sources(path, file, ScaledTensors(code_parts(file)), reading);
    if (sources.empty()) {
        refuse_empty(reading, path,
                     "no two-dimensional F32, F16, BF16, F64 or F8 tensor, no codes with their scales" +
                         std::string(kNoPackedRows));
    }
    return sources;
}

}  // namespace

std::vector<CodePart> code_parts(const TableFile& file) {
    std::vector<CodePart> parts;
    const std::set<std::string_view> tables = table_names(file);
    for (const TensorView& tensor : value_of(file.tensors())) {
        const bool are_rows = tensor.dtype == "U8" && tables.contains(tensor.name);
        if (is_internal(tensor) || are_rows || tensor.shape.size() > 2) continue;
        std::optional<Element> element = element_of(tensor.dtype);
        if (element && !has_its_bytes(tensor, *element)) element = {};
        if (!may_be_scale(tensor.name) && (!element || element_bytes(*element) != 1)) continue;
        parts.push_back({.name = std::string(tensor.name),
                         .type = std::string(tensor.dtype),
                         .shape = {tensor.shape.begin(), tensor.shape.end()},
                         .element = element,
                         .matrix = [file, tensor, element] { return matrix_of(file, tensor, *element); }});
    }
    return parts;
}

Sources open_table_sources(const std::string& path, const TableFile& file, const ScaledTensors& scaled,
                           Reading& reading) {
    Sources sources;
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        stop_if_interrupted();  // names are counted, and tables may share them
        if (scaled.is_part(file.tables()[i].name())) continue;
        sources.push_back(std::make_unique<TableSource>(path, file, describe(path, file, i), i));
    }
    const std::set<std::string_view> tables = table_names(file);
    for (const TensorView& tensor : value_of(file.tensors())) {
        if (is_internal(tensor) || tables.contains(tensor.name) || scaled.is_part(tensor.name)) continue;
        add_tensor(path, file, tensor, scaled, reading, sources);
    }
    return sources;
}

Sources open_table_sources(const InputFile& input, Reading& reading) {
    try {
        return all_sources(input, reading);
    } catch (const Failure& failure) {
        // The library names the file that it reads: where it was inflated, not that of the command line.
        std::string message = failure.what();
        const std::string readable = input.readable_path();
        const std::size_t at = message.find(readable);
        if (at != message.npos) message.replace(at, readable.size(), input.file.path());
        throw Failure(message);
    }
}

}  // namespace rowpool::tools
