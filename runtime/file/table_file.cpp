// Opens table files, and gives access to their contents.
#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "core/table_shape.hpp"
#include "file/checksum.hpp"
#include "file/open_table_file.hpp"
#include "file/residency.hpp"
#include "file/table_file_contents.hpp"
#include "rowpool/isa.hpp"
#include "support/boundary.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace {

static_assert(std::endian::native == std::endian::little, "table files are read in place and are little-endian");

using TensorsByName = std::map<std::string_view, const file::Tensor*>;

std::optional<RowFormat> float_format(std::string_view dtype) {
    for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
        if (file::float_dtype(format) == dtype) return format;
    }
    return std::nullopt;
}

// The shape of a tensor without metadata as a table. The error says why it is not a table.
Result<TableShape> plain_shape(const file::Tensor& tensor) {
    const auto why_not = [](std::string message) { return Error{ErrorCode::not_found, std::move(message)}; };
    const auto format = float_format(tensor.dtype);
    if (!format) return why_not("its dtype " + support::printable(tensor.dtype) + " is not F32, F16 or BF16");
    if (tensor.shape.size() != 2) {
        return why_not("it has " + std::to_string(tensor.shape.size()) + " dimensions, a table has 2");
    }
    TableShape shape;
    shape.format = *format;
    shape.rows = tensor.shape[0];
    shape.dim = tensor.shape[1];
    const auto checked = check_shape(shape);
    if (!checked) return why_not(checked.error().message);
    return checked->shape;
}

// The shape of the table that a tensor and its metadata describe, with that many ids if it has a remap. The error says
// how tensor and metadata differ.
Result<TableShape> recorded_shape(const file::Tensor& tensor, const file::TableRecord& record, std::size_t remapped) {
    const auto differs = [](std::string message) { return Error{ErrorCode::corrupt_file, std::move(message)}; };
    if (tensor.shape.size() != 2) return differs("is not two-dimensional");
    TableShape shape = record.shape;
    shape.rows = tensor.shape[0];
    const auto checked = check_shape(shape, remapped);
    if (!checked) return differs(checked.error().message);
    const auto [dtype, columns] = file::tensor_type(checked->shape);
    if (tensor.dtype != dtype || tensor.shape[1] != columns) {
        return differs("is not " + std::string(dtype) + " with " + std::to_string(columns) +
                       " columns, as its metadata has it");
    }
    return checked->shape;
}

const file::Tensor* find(const TensorsByName& tensors, std::string_view name) {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : found->second;
}

// The names of a file's tables, for the message about one that is not found.
std::string list_names(std::span<const Table> tables) {
    if (tables.empty()) return "it has no tables";
    std::vector<std::string_view> names;
    for (const Table& table : tables) names.push_back(table.name());
    return "it has " + support::listed(names);
}

}  // namespace

Error TableFile::Contents::corrupt(std::string_view tensor, const std::string& message) const {
    return {ErrorCode::corrupt_file, file.path() + ": tensor " + support::printable(tensor) + ": " + message};
}

// The tensor must have int32 elements, aligned to 4 bytes, because lookups read it in place.
Status TableFile::Contents::add_remap(Entry& entry, const file::Tensor* tensor) {
    const bool fits = tensor != nullptr && tensor->dtype == "I32" && tensor->shape.size() == 1 && tensor->size() != 0 &&
                      (header.data_begin + tensor->begin) % alignof(std::int32_t) == 0;
    entry.remap = tensor;
    if (fits) return {};
    return corrupt(entry.rows->name, "its remap " + support::printable(entry.record.remap->name) +
                                         " is not an I32 tensor of one dimension and at least one id, at a multiple of "
                                         "4 bytes");
}

std::span<const std::int32_t> TableFile::Contents::remap(const Entry& entry) const noexcept {
    if (entry.remap == nullptr) return {};
    const auto values = bytes(*entry.remap);
    return {reinterpret_cast<const std::int32_t*>(values.data()), values.size() / sizeof(std::int32_t)};
}

Status TableFile::Contents::add_recorded(const file::Tensor& rows, const file::TableRecord& record,
                                         const TensorsByName& tensors) {
    Entry entry{.rows = &rows, .checksums = find(tensors, record.checksums.name), .record = record};
    if (record.remap) {
        if (Status remap = add_remap(entry, find(tensors, record.remap->name)); !remap) return remap;
    }
    const auto shape = recorded_shape(rows, record, remap(entry).size());
    if (!shape) return corrupt(rows.name, shape.error().message);
    entry.shape = *shape;
    if (record.hot_rows && *record.hot_rows > shape->rows) {
        return corrupt(rows.name, std::to_string(*record.hot_rows) + " hot rows are more than its " +
                                      std::to_string(shape->rows) + " rows");
    }
    const std::vector<std::uint64_t> blocks = {file::block_count(rows.size(), checksum_block)};
    if (entry.checksums == nullptr || entry.checksums->dtype != "U64" || entry.checksums->shape != blocks) {
        return corrupt(rows.name, "its checksums " + support::printable(record.checksums.name) +
                                      " are not a U64 tensor of " + std::to_string(blocks[0]));
    }
    if (record.names) {
        entry.names = find(tensors, record.names->name);
        if (entry.names == nullptr || entry.names->dtype != "U8" || entry.names->shape.size() != 1) {
            return corrupt(rows.name, "its names " + support::printable(record.names->name) + " are not a U8 tensor");
        }
    }
    entries.push_back(std::move(entry));
    return {};
}

Status TableFile::Contents::add_entries(const std::optional<file::TableMetadata>& metadata) {
    has_metadata = metadata.has_value();
    checksum_block = metadata ? metadata->checksum_block : 0;
    TensorsByName tensors;
    for (const file::Tensor& tensor : header.tensors) tensors.emplace(tensor.name, &tensor);
    std::size_t recorded = 0;
    for (const file::Tensor& tensor : header.tensors) {
        if (metadata && metadata->tables.contains(tensor.name)) {
            Status added = add_recorded(tensor, metadata->tables.at(tensor.name), tensors);
            if (!added) return added;
            ++recorded;
        } else if (const auto shape = plain_shape(tensor)) {
            entries.push_back({.rows = &tensor, .shape = *shape});
        }
    }
    if (!metadata || recorded == metadata->tables.size()) return {};
    for (const auto& [name, record] : metadata->tables) {
        if (find(tensors, name) == nullptr) return corrupt(name, "is in the metadata, but not in the file");
    }
    return {};
}

// The rows of a table that the residency applies to.
std::span<const std::byte> TableFile::Contents::held_bytes(const Entry& entry,
                                                           const std::optional<HotPart>& hot) const noexcept {
    const TableShape& shape = entry.shape;
    if (!hot) return bytes(*entry.rows);
    const std::size_t recorded = entry.record.hot_rows.value_or(shape.rows);
    const std::size_t rows = std::min({recorded, hot->most_rows, hot->most_bytes / shape.row_stride});
    return bytes(*entry.rows).first(rows * shape.row_stride);
}

// Rows that are mapped and that lookups ask for; none when read-ahead is on.
std::vector<std::span<const std::byte>> TableFile::Contents::cold_bytes(const OpenOptions& options,
                                                                        const memory::Paging& paging) const {
    std::size_t all = 0;
    std::vector<std::span<const std::byte>> cold;
    const bool are_kept = options.residency != Residency::mapped && options.residency != Residency::populated;
    for (const Entry& entry : entries) {
        const auto rows = bytes(*entry.rows);
        const auto rest = rows.subspan(are_kept ? held_bytes(entry, options.hot).size() : 0);
        if (!rest.empty()) cold.push_back(rest);
        all += rows.size();
    }
    if (cold.empty()) return {};
    const bool is_off = options.read_ahead == ReadAhead::automatic ? !memory::fit_memory(all, paging.usable_memory())
                                                                   : options.read_ahead == ReadAhead::off;
    return is_off ? cold : std::vector<std::span<const std::byte>>();
}

Status TableFile::Contents::make_tables(const OpenOptions& options, const memory::Numa& numa,
                                        const memory::Paging& paging) {
    // A table must keep its rows alive, but not these contents, which hold the table.
    struct NamedRows {
        std::string name;
        std::shared_ptr<const void> rows;
    };
    std::vector<std::span<const std::byte>> held;  // rows of each table, then remaps, whole: they are read at random
    std::map<const file::Tensor*, std::size_t> remaps;  // positions in `held`; tables may share a remap
    for (const Entry& entry : entries) held.push_back(held_bytes(entry, options.hot));
    for (const Entry& entry : entries) {
        if (entry.remap != nullptr && remaps.emplace(entry.remap, held.size()).second)
            held.push_back(bytes(*entry.remap));
    }
    const file::Rest rest = options.hot ? file::Rest::mapped : file::Rest::unread;
    const auto cold = cold_bytes(options, paging);
    const auto rows = file::hold_rows(file, held, rest, cold, options.residency, numa, paging);
    if (!rows) return rows.error();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto owner = std::make_shared<const NamedRows>(NamedRows{entries[i].rows->name, rows->owner});
        const std::shared_ptr<const std::string> name(owner, &owner->name);
        std::span<const std::int32_t> rows_of_ids = remap(entries[i]);
        if (!rows_of_ids.empty()) {
            const std::byte* const first = rows->tables[remaps.at(entries[i].remap)];
            rows_of_ids = {reinterpret_cast<const std::int32_t*>(first), rows_of_ids.size()};
        }
        tables.push_back(Table(name, entries[i].shape, rows->tables[i], rows_of_ids, rows->replicas, rows->cold_rows));
    }
    return {};
}

Result<TableFile> open_table_file(const std::string& path, const OpenOptions& options, const memory::Numa& numa,
                                  const memory::Paging& paging) {
    return support::without_exceptions([&]() -> Result<TableFile> {
        if (const auto isa = active_isa(); !isa) return isa.error();
        auto file = support::MappedFile::open(path);
        if (!file) return file.error();
        auto header = file::parse_safetensors(file->bytes(), path);
        if (!header) return header.error();
        const auto metadata = file::read_table_metadata(*header, path);
        if (!metadata) return metadata.error();
        using Contents = TableFile::Contents;
        auto contents = std::make_shared<Contents>(Contents{.file = std::move(*file), .header = std::move(*header)});
        if (const Status added = contents->add_entries(*metadata); !added) return added.error();
        if (const Status made = contents->make_tables(options, numa, paging); !made) return made.error();
        return TableFile(std::move(contents));
    });
}

Result<TableFile> TableFile::open(const std::string& path, const OpenOptions& options) {
    return open_table_file(path, options, memory::this_machine(), memory::system_paging());
}

const std::string& TableFile::path() const noexcept { return contents_->file.path(); }

std::span<const Table> TableFile::tables() const noexcept { return contents_->tables; }

Result<std::vector<TensorView>> TableFile::tensors() const {
    return support::without_exceptions([&]() -> Result<std::vector<TensorView>> {
        std::vector<TensorView> views;
        for (const file::Tensor& tensor : contents_->header.tensors) {
            views.push_back({tensor.name, tensor.dtype, tensor.shape, contents_->bytes(tensor)});
        }
        return views;
    });
}

bool TableFile::has_metadata() const noexcept { return contents_->has_metadata; }

const TableOrigin& TableFile::origin(std::size_t table) const noexcept {
    return contents_->entries[table].record.origin;
}

std::optional<std::size_t> TableFile::hot_rows(std::size_t table) const noexcept {
    return contents_->entries[table].record.hot_rows;
}

bool TableFile::has_row_names(std::size_t table) const noexcept { return contents_->entries[table].names != nullptr; }

Result<Table> TableFile::table(std::string_view name) const {
    return support::without_exceptions([&]() -> Result<Table> {
        const auto found = std::ranges::find(contents_->tables, name, &Table::name);
        if (found != contents_->tables.end()) return *found;
        const auto tensor = std::ranges::find(contents_->header.tensors, name, &file::Tensor::name);
        std::string message = path() + ": no table " + support::printable(name) + "; " + list_names(tables());
        if (tensor != contents_->header.tensors.end()) {
            message = path() + ": tensor " + support::printable(name) +
                      " is no table: " + plain_shape(*tensor).error().message;
        }
        return Error{ErrorCode::not_found, std::move(message)};
    });
}

Result<std::string_view> TableFile::joined_row_names(std::size_t table) const {
    return support::without_exceptions([&]() -> Result<std::string_view> {
        const Contents::Entry& entry = contents_->entries[table];
        if (entry.names == nullptr) return std::string_view();
        const auto bytes = contents_->bytes(*entry.names);
        const std::string_view text = support::as_text(bytes);
        const std::size_t rows = contents_->tables[table].num_ids();
        const auto separators = static_cast<std::size_t>(std::ranges::count(text, '\n'));
        if (rows == 0 ? !text.empty() : separators != rows - 1) {
            return contents_->corrupt(entry.names->name, "does not hold " + std::to_string(rows) + " names");
        }
        return text;
    });
}

Result<std::vector<std::string_view>> TableFile::row_names(std::size_t table) const {
    return support::without_exceptions([&]() -> Result<std::vector<std::string_view>> {
        const auto joined = joined_row_names(table);
        if (!joined) return joined.error();
        std::string_view text = *joined;
        std::vector<std::string_view> names;
        if (!has_row_names(table)) return names;
        const std::size_t rows = contents_->tables[table].num_ids();
        names.reserve(rows);
        while (names.size() < rows) {
            names.push_back(text.substr(0, text.find('\n')));
            text.remove_prefix(std::min(text.size(), names.back().size() + 1));
        }
        return names;
    });
}

}  // namespace rowpool
