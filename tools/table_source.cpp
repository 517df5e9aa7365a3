// Tables from safetensors files, rowpool's own ones included.
#include "failure.hpp"
#include "rows.hpp"
#include "source.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

class TableSource : public Source {
public:
    TableSource(const std::string& path, NewTable description, Table table, std::optional<ErrorFigures> error)
        : Source(path, std::move(description)), table_(std::move(table)), error_(error) {}

    std::optional<ErrorFigures> error() const override { return error_; }

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& /*buffer*/) const override {
        return row_range(table_, first, count);
    }

private:
    Table table_;
    std::optional<ErrorFigures> error_;
};

NewTable describe(const TableFile& file, std::size_t position) {
    const Table& table = file.tables()[position];
    NewTable description;
    description.name = table.name();
    description.shape = {table.format(), table.rows(), table.dim(), 0, table.padding_index()};
    description.source = file_name_of(file.path()) + ":" + description.name;
    description.quantization = file.origin(position).quantization;
    description.row_names = joined(value_of(file.row_names(position)), "\n");
    description.remap = table.remap();
    return description;
}

}  // namespace

Sources open_table_sources(const std::string& path) {
    const TableFile file = value_of(TableFile::open(path));
    Sources sources;
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        sources.push_back(
            std::make_unique<TableSource>(path, describe(file, i), file.tables()[i], file.origin(i).error));
    }
    if (sources.empty()) fail(path, ": no table in it: no two-dimensional F32, F16 or BF16 tensor");
    return sources;
}

}  // namespace rowpool::tools
