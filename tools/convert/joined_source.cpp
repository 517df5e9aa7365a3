// A table whose rows are in several sources.
#include "tools/convert/joined_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/words/name_list.hpp"

namespace rowpool::tools {

namespace {

class JoinedSource : public Source {
public:
    JoinedSource(std::string file, NewTable description, std::shared_ptr<const void> names, Sources shards)
        : Source(std::move(file), std::move(description), std::move(names)), shards_(std::move(shards)) {
        for (const std::unique_ptr<Source>& shard : shards_) {
            ends_.push_back((ends_.empty() ? 0 : ends_.back()) + shard->description().shape.rows);
        }
    }

    std::size_t row_number(std::size_t row) const override {
        const std::size_t shard = shard_of(row);
        return shards_[shard]->row_number(row - begin_of(shard));
    }

    std::string file_of_row(std::size_t row) const override {
        const std::size_t shard = shard_of(row);
        const Source& source = *shards_[shard];
        return source.file_of_row(row - begin_of(shard)) + ": " + printable(source.description().name);
    }

    /// Rows of one shard are used where it has them.
    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const std::size_t shard = shard_of(first);
        if (first + count <= ends_[shard]) return shards_[shard]->read(first - begin_of(shard), count, buffer);
        const TableShape& shape = description().shape;
        buffer.resize(count * row_bytes(shape.format, shape.dim));
        copy_rows(first, buffer);
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, 0, {}}, buffer));
    }

private:
    /// The shard that has the row; the last one for the row after all.
    std::size_t shard_of(std::size_t row) const {
        const auto shard = std::ranges::upper_bound(ends_, row) - ends_.begin();
        return std::min(static_cast<std::size_t>(shard), shards_.size() - 1);
    }

    std::size_t begin_of(std::size_t shard) const { return shard == 0 ? 0 : ends_[shard - 1]; }

    void copy_rows(std::size_t first, std::span<std::byte> out) const {
        const std::size_t row_size = row_bytes(description().shape.format, description().shape.dim);
        std::vector<std::byte> stored;
        for (std::size_t shard = shard_of(first); !out.empty(); first = ends_[shard++]) {
            const std::size_t count = std::min(ends_[shard] - first, out.size() / row_size);
            const Table rows = shards_[shard]->read(first - begin_of(shard), count, stored);
            for (std::size_t row = 0; row < count; ++row) {
                std::memcpy(out.data(), rows.data() + row * rows.row_stride(), row_size);
                out = out.subspan(row_size);
            }
        }
    }

    Sources shards_;
    std::vector<std::size_t> ends_;  // of each shard: the first row after it
};

std::string kind_of(const NewTable& table) {
    return printable(table.name) + " is " + std::string(to_string(table.shape.format)) + " of " +
           std::to_string(table.shape.dim) + " columns";
}

void check_shard(const Source& shard, const Source& first) {
    const NewTable& table = shard.description();
    const NewTable& other = first.description();
    const bool has_ids = !table.remap.empty() || table.shape.padding_index || table.hot_rows;
    if (has_ids) {
        fail(shard.file(), ": ", printable(table.name),
             " has a remap, hot rows or a padding index, which go with its own ids; join what it was made from");
    }
    if (table.shape.format != other.shape.format || table.shape.dim != other.shape.dim) {
        fail(shard.file(), ": ", kind_of(table), ", but ", kind_of(other), " in ", first.file(),
             "; what is joined must have one format and one number of columns");
    }
}

/// The names of all rows, or none.
RowNames join_names(const Sources& shards) {
    NameList names;
    const Source* named = nullptr;
    const Source* bare = nullptr;
    for (const std::unique_ptr<Source>& shard : shards) {
        if (shard->description().shape.rows == 0) continue;
        (shard->description().row_names.empty() ? bare : named) = shard.get();
        names.append(shard->description().row_names);
    }
    if (named == nullptr) return {};
    if (bare == nullptr) return names.take();
    fail(bare->file(), ": ", printable(bare->description().name), " has no names of rows, but ",
         printable(named->description().name), " in ", named->file(), " has some");
}

/// What the table file records as the origin.
std::string origin_of(const Sources& shards) {
    const std::string first = shards.front()->description().source;
    if (shards.size() == 1) return first;
    return std::to_string(shards.size()) + " joined, " + first + " to " + shards.back()->description().source;
}

std::string file_of(const Sources& shards) {
    const std::string& file = shards.front()->file();
    const auto is_it = [&](const std::unique_ptr<Source>& shard) { return shard->file() == file; };
    return std::ranges::all_of(shards, is_it) ? file : file + " and others";
}

}  // namespace

std::unique_ptr<Source> join_shards(const std::string& name, Sources shards) {
    NewTable description = shards.front()->description();
    description.name = name;
    description.source = origin_of(shards);
    description.shape.rows = 0;
    for (const std::unique_ptr<Source>& shard : shards) {
        check_shard(*shard, *shards.front());
        const NewTable& table = shard->description();
        if (table.quantization != description.quantization) description.quantization = "as in the sources";
        if (__builtin_add_overflow(description.shape.rows, table.shape.rows, &description.shape.rows)) {
            fail(shard->file(), ": too many rows to join to ", printable(name));
        }
    }
    const RowNames names = join_names(shards);
    description.row_names = names.text;
    std::string file = file_of(shards);
    return std::make_unique<JoinedSource>(std::move(file), std::move(description), names.owner, std::move(shards));
}

}  // namespace rowpool::tools
