// Checks new tables and lays out their file.
#include "file/file_plan.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <utility>

#include "core/table_shape.hpp"
#include "file/checksum.hpp"
#include "file/remap.hpp"
#include "support/checked_math.hpp"
#include "support/text.hpp"

namespace rowpool::file {
namespace {

constexpr std::uint64_t kTableAlignment = 64;   // a cache line, and the widest vector
constexpr std::uint64_t kDataAlignment = 4096;  // a page
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 62;

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

// Tensors one after the other, each on a boundary of kTableAlignment, with filler between them.
class DataLayout {
public:
    // Returns the tensor's position in tensors().
    std::size_t add(std::string name, std::string dtype, std::vector<std::uint64_t> shape, std::uint64_t bytes) {
        const std::uint64_t begin = *support::checked_round_up(end_, kTableAlignment);  // kLargestFile leaves room
        if (begin != end_) push(std::string(kFillerPrefix) + std::to_string(fillers_++), "U8", {begin - end_}, begin);
        push(std::move(name), std::move(dtype), std::move(shape), begin + bytes);
        return tensors_.size() - 1;
    }

    const std::vector<Tensor>& tensors() const noexcept { return tensors_; }

private:
    void push(std::string name, std::string dtype, std::vector<std::uint64_t> shape, std::uint64_t end) {
        tensors_.push_back({std::move(name), std::move(dtype), std::move(shape), end_, end});
        end_ = end;
    }

    std::vector<Tensor> tensors_;
    std::uint64_t end_ = 0;
    std::size_t fillers_ = 0;
};

// There must be as many names as ids, or none.
Status check_row_names(const NewTable& table) {
    if (table.row_names.empty()) return {};
    const std::size_t rows = table.num_ids();
    const auto names = static_cast<std::size_t>(std::ranges::count(table.row_names, '\n')) + 1;
    if (names == rows) return {};
    return invalid("table " + support::printable(table.name) + ": has " + std::to_string(names) + " row names for " +
                   std::to_string(rows) + " rows");
}

// Normalises shapes.
Status check_tables(std::vector<NewTable>& tables) {
    if (tables.empty()) return invalid("a table file needs a table");
    std::set<std::string_view> names;
    std::optional<std::uint64_t> total = 0;
    for (NewTable& table : tables) {
        if (Status name = check_table_name(table.name); !name) return name;
        const std::string what = "table " + support::printable(table.name) + ": ";
        if (!names.insert(table.name).second) return invalid(what + "its name is there twice");
        if (table.shape.row_stride != 0) return invalid(what + "row_stride is not 0");
        const auto checked = check_shape(table.shape, table.remap.size());
        if (!checked) return invalid(what + checked.error().message);
        if (Status row_names = check_row_names(table); !row_names) return row_names;
        const std::size_t wrong = find_wrong_id(table.remap, table.shape.rows);
        if (wrong != table.remap.size()) return invalid(what + wrong_id(wrong, table.remap[wrong], table.shape.rows));
        if (table.hot_rows && *table.hot_rows > table.shape.rows) {
            return invalid(what + std::to_string(*table.hot_rows) + " hot rows are more than its " +
                           std::to_string(table.shape.rows) + " rows");
        }
        table.shape = checked->shape;
        total = support::checked_add(*total, std::uint64_t{checked->bytes});
        if (!total || *total > kLargestFile) return invalid(what + "is too large for a file");
    }
    return {};
}

TableRecord make_record(const NewTable& table) {
    TableRecord record{.shape = table.shape};
    record.origin.source = table.source;
    record.origin.quantization = table.quantization;
    record.hot_rows = table.hot_rows;
    record.checksums.name = std::string(kChecksumsPrefix) + table.name;
    if (!table.row_names.empty()) {
        record.names =
            HelperTensor{std::string(kNamesPrefix) + table.name, xxh3(std::as_bytes(std::span(table.row_names)))};
    }
    if (!table.remap.empty()) {
        record.remap = HelperTensor{std::string(kRemapPrefix) + table.name, xxh3(std::as_bytes(table.remap))};
    }
    return record;
}

// Tables first, then their checksums, names and remaps.
void place_tensors(const std::vector<NewTable>& tables, FilePlan& plan) {
    DataLayout layout;
    for (const NewTable& table : tables) {
        const auto [dtype, columns] = tensor_type(table.shape);
        const std::uint64_t bytes = table.shape.rows * table.shape.row_stride;
        const std::size_t rows = layout.add(table.name, std::string(dtype), {table.shape.rows, columns}, bytes);
        plan.tables.push_back({.name = table.name, .row_bytes = table.shape.row_stride, .rows = rows});
    }
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const TableRecord& record = plan.metadata.tables.at(tables[i].name);
        const std::uint64_t blocks = block_count(layout.tensors()[plan.tables[i].rows].size(), kChecksumBlock);
        plan.tables[i].checksums = layout.add(record.checksums.name, "U64", {blocks}, blocks * sizeof(std::uint64_t));
        const std::uint64_t name_bytes = tables[i].row_names.size();
        if (record.names) plan.tables[i].names = layout.add(record.names->name, "U8", {name_bytes}, name_bytes);
        const std::uint64_t ids = tables[i].remap.size();
        if (record.remap) plan.tables[i].remap = layout.add(record.remap->name, "I32", {ids}, ids * 4);
    }
    plan.tensors = layout.tensors();
}

// Bytes before the data section, assuming that all numbers that are not known yet have their maximum length.
std::uint64_t reserve_header(const FilePlan& plan) {
    constexpr double kLongest = std::numeric_limits<double>::max();
    TableMetadata metadata = plan.metadata;
    for (auto& [name, record] : metadata.tables) record.origin.error = ErrorMetrics{kLongest, kLongest};
    return *support::checked_round_up(kLengthBytes + write_header(plan.tensors, metadata, 0).size(), kDataAlignment);
}

}  // namespace

Result<FilePlan> plan_file(std::vector<NewTable>& tables) {
    if (const Status checked = check_tables(tables); !checked) return checked.error();
    FilePlan plan;
    plan.metadata.checksum_block = kChecksumBlock;
    for (const NewTable& table : tables) plan.metadata.tables.emplace(table.name, make_record(table));
    place_tensors(tables, plan);
    plan.data_begin = reserve_header(plan);
    if (plan.data_begin - kLengthBytes > kLongestHeader) return invalid("the header of so many tables is too long");
    return plan;
}

}  // namespace rowpool::file

namespace rowpool {

Status check_table_name(std::string_view name) {
    const auto invalid = [](std::string message) { return Error{ErrorCode::invalid_argument, std::move(message)}; };
    if (name.empty()) return invalid("a table has no name");
    if (support::find_invalid_utf8(name) != name.npos)
        return invalid("table " + support::printable(name) + ": its name is not UTF-8");
    if (support::has_control_character(name))
        return invalid("table " + support::printable(name) + ": its name has a control character");
    if (name.starts_with(file::kHelperPrefix)) {
        return invalid("table " + support::printable(name) + ": its name starts with \"__\", which is reserved");
    }
    return {};
}

}  // namespace rowpool
