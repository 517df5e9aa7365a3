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
    TableSource(const TableFile& file, NewTable description, std::size_t position)
        : Source(file.path(), std::move(description), std::make_shared<TableFile>(file)),
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

NewTable describe(const TableFile& file, std::size_t position) {
    const Table& table = file.tables()[position];
    NewTable description;
    description.name = table.name();
    description.shape = {table.format(), table.rows(), table.dim(), 0, table.padding_index()};
    description.source = file_name_of(file.path()) + ":" + description.name;
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
void add_matrices(const TableFile& file, Reading& reading, Sources& sources) {
    std::set<std::string_view> names;
    for (const Table& table : file.tables()) names.insert(table.name());
    for (const TensorView& tensor : value_of(file.tensors())) {
        if (tensor.name.starts_with("__") || names.contains(tensor.name)) continue;
        std::optional<Matrix> matrix = matrix_of(file, tensor);
        if (!matrix) {
            leave_out(reading, file.path(), tensor.name, tensor.dtype, tensor.shape,
                      reason_for(tensor.dtype, tensor.shape));
            continue;
        }
        NewTable description;
        description.name = tensor.name;
        description.source = file_name_of(file.path()) + ":" + description.name;
        const auto format = matrix->element == Element::u8 ? reading.packed.take(tensor.name) : std::nullopt;
        const auto shape = shape_of(*matrix, format, file.path() + ": tensor " + printable(tensor.name));
        if (!shape) {
            leave_out(reading, file.path(), tensor.name, tensor.dtype, tensor.shape,
                      reason_for(tensor.dtype, tensor.shape));
            continue;
        }
        description.shape = *shape;
        sources.push_back(make_matrix_source(file.path(), std::move(description), *std::move(matrix)));
    }
}

}  // namespace

Sources open_table_sources(const std::string& path, Reading& reading) {
    const TableFile file = value_of(TableFile::open(path));
    Sources sources;
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        stop_if_interrupted();  // names are counted, and tables may share them
        sources.push_back(std::make_unique<TableSource>(file, describe(file, i), i));
    }
    add_matrices(file, reading, sources);
    if (sources.empty()) {
        refuse_empty(reading, path, "no two-dimensional F32, F16, BF16 or F64 tensor" + std::string(kNoPackedRows));
    }
    return sources;
}

}  // namespace rowpool::tools
