// Tables from safetensors files, rowpool's own ones included.
#include "tools/inputs/safetensors/table_source.hpp"
#include <algorithm>
#include <set>
#include <string>
#include <string_view>

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

/// The matrix that a tensor is, if its elements are of a type that tables come from but do not have.
std::optional<Matrix> matrix_of(const TableFile& file, const TensorView& tensor) {
    if (tensor.shape.size() != 2) return {};
    const bool bytes = tensor.dtype == "U8";
    if (!bytes && tensor.dtype != "F64") return {};
    return dense_matrix(std::make_shared<TableFile>(file), tensor.bytes.data(), bytes ? Element::u8 : Element::f64,
                        tensor.shape[0], tensor.shape[1]);
}

/// Adds the tensors that are no tables of the file but can be made into some.
void add_matrices(const std::string& path, const TableFile& file, Reading& reading, Sources& sources) {
    std::set<std::string_view> names;
    for (const Table& table : file.tables()) names.insert(table.name());
    for (const TensorView& tensor : value_of(file.tensors())) {
        if (tensor.name.starts_with("__") || names.contains(tensor.name)) continue;
        std::optional<Matrix> matrix = matrix_of(file, tensor);
        if (!matrix) {
            leave_out(reading, path, tensor.name, tensor.dtype, tensor.shape, reason_for(tensor.dtype, tensor.shape));
            continue;
        }
        NewTable description;
        description.name = tensor.name;
        description.source = file_name_of(path) + ":" + description.name;
        const auto format = matrix->element == Element::u8 ? reading.packed.take(tensor.name) : std::nullopt;
        const auto shape = shape_of(*matrix, format, path + ": tensor " + printable(tensor.name));
        if (!shape) {
            leave_out(reading, path, tensor.name, tensor.dtype, tensor.shape, reason_for(tensor.dtype, tensor.shape));
            continue;
        }
        description.shape = *shape;
        sources.push_back(make_matrix_source(path, std::move(description), *std::move(matrix)));
    }
}

/// Opens the file; its errors name what the command line does, where that was inflated into another file.
TableFile open(const InputFile& input) {
    const std::string readable = input.readable_path();
    Result<TableFile> file = TableFile::open(readable, {.read_ahead = ReadAhead::on});  // read in order
    if (file) return *std::move(file);
    std::string message = file.error().message;
    const std::size_t at = message.find(readable);
    if (at != message.npos) message.replace(at, readable.size(), input.file.path());
    throw Failure(message);
}

}  // namespace

Sources open_table_sources(const InputFile& input, Reading& reading) {
    const std::string& path = input.file.path();
    const TableFile file = open(input);
    Sources sources;
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        stop_if_interrupted();  // names are counted, and tables may share them
        sources.push_back(std::make_unique<TableSource>(path, file, describe(path, file, i), i));
    }
    add_matrices(path, file, reading, sources);
    if (sources.empty()) {
        refuse_empty(reading, path, "no two-dimensional F32, F16, BF16 or F64 tensor" + std::string(kNoPackedRows));
    }
    return sources;
}

}  // namespace rowpool::tools
