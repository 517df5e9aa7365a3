// A table: rows x dim embeddings in one row format, in memory that the table only refers to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/types.hpp"

namespace rowpool {

class Table;
namespace memory {
class ColdRows;
class Replicas;
}  // namespace memory
namespace core {
bool is_replicated(const Table& table) noexcept;
const std::byte* local_data(const Table& table) noexcept;
std::span<const std::int32_t> local_remap(const Table& table) noexcept;
const memory::ColdRows* cold_rows(const Table& table) noexcept;
}  // namespace core

/// The name of a table, used as a std::string_view. It shares ownership of the name with the table, and of the rows
/// with a table of a file: both stay in memory for as long as it lives. Copying it does not allocate.
class TableName {
public:
    TableName() noexcept = default;

    operator std::string_view() const noexcept { return name_ ? std::string_view(*name_) : std::string_view(); }
    std::string str() const { return std::string(std::string_view(*this)); }
    bool empty() const noexcept { return std::string_view(*this).empty(); }
    friend bool operator==(const TableName& a, std::string_view b) noexcept { return std::string_view(a) == b; }
    template <class Stream>
    requires requires(Stream& stream, std::string_view text) { stream << text; }
    friend Stream& operator<<(Stream& stream, const TableName& name) {
        stream << std::string_view(name);
        return stream;
    }

private:
    friend class Table;
    explicit TableName(std::shared_ptr<const std::string> name) noexcept : name_(std::move(name)) {}

    std::shared_ptr<const std::string> name_;
};

/// The description of a table: everything but its bytes.
struct TableShape {
    RowFormat format = RowFormat::f32;
    std::size_t rows = 0;
    std::size_t dim = 0;         ///< 1 to kMaxDim
    std::size_t row_stride = 0;  ///< bytes from one row to the next; 0 means row_bytes(format, dim)
    /// Id left out of bags; negative counts from the end (-1 is the last one). Without a remap ids are rows.
    std::optional<std::int64_t> padding_index = {};
};

/// An embedding table: rows to look up. Cheap to copy; a table of a TableFile keeps its rows in memory for as long as a
/// copy of it lives. Immutable: any number of threads may use one table, or copies of it, at once.
class ROWPOOL_API Table {
public:
    /// A table over the caller's memory, which must outlive it and its copies. Rows need no alignment.
    /// Errors: invalid_argument when dim is not 1 to kMaxDim, row_stride is below the row's bytes, the padding index is
    /// not within [-rows, rows), or `bytes` is shorter than (rows - 1) * row_stride + row bytes (nothing is read).
    static Result<Table> view(std::string name, const TableShape& shape, std::span<const std::byte> bytes);

    /// The same with a remap: lookups take ids from 0 to remap.size() - 1, and remap[id] is the row of an id, or -1
    /// when the id was pruned. Pruned ids are left out of bags like padding, and PoolOptions::divisor says whether they
    /// count; a plain lookup gives zeros for them. The remap is the caller's memory, as the bytes are. It is not read
    /// here; an entry that is not a row stands for a pruned id. An empty remap means that ids are rows.
    /// Errors: as above, with a padding index not within [-remap.size(), remap.size()); more than 2^31 - 1 rows.
    static Result<Table> view(std::string name, const TableShape& shape, std::span<const std::byte> bytes,
                              std::span<const std::int32_t> remap);

    std::string_view name() const noexcept { return *name_; }
    /// The name for an owner that may outlive the table.
    TableName shared_name() const noexcept { return TableName(name_); }
    RowFormat format() const noexcept { return shape_.format; }
    /// The number of stored rows.
    std::size_t rows() const noexcept { return shape_.rows; }
    /// Valid indices are below it: rows(), or the length of the remap if there is one.
    std::size_t num_ids() const noexcept { return remap_.empty() ? shape_.rows : remap_.size(); }
    std::size_t dim() const noexcept { return shape_.dim; }
    /// Bytes from one row to the next.
    std::size_t row_stride() const noexcept { return shape_.row_stride; }
    /// Id left out of bags unless a call says otherwise, in [0, num_ids).
    std::optional<std::int64_t> padding_index() const noexcept { return shape_.padding_index; }
    /// First byte of row 0; not aligned.
    const std::byte* data() const noexcept { return data_; }
    /// The row of each id, -1 when it was pruned; from a damaged file it may be any number. Empty when ids are rows.
    std::span<const std::int32_t> remap() const noexcept { return remap_; }
    /// The row of an id below num_ids(); -1 when it was pruned, or the remap's entry is not a row.
    std::int64_t row_of(std::size_t id) const noexcept {
        const std::int64_t row = remap_.empty() ? static_cast<std::int64_t>(id) : remap_[id];
        return row >= 0 && static_cast<std::size_t>(row) < shape_.rows ? row : -1;
    }

private:
    friend class TableFile;
    friend bool core::is_replicated(const Table& table) noexcept;
    friend const std::byte* core::local_data(const Table& table) noexcept;
    friend std::span<const std::int32_t> core::local_remap(const Table& table) noexcept;
    friend const memory::ColdRows* core::cold_rows(const Table& table) noexcept;
    Table(std::shared_ptr<const std::string> name, const TableShape& shape, const std::byte* data,
          std::span<const std::int32_t> remap, const memory::Replicas* replicas = nullptr,
          const memory::ColdRows* cold_rows = nullptr)
        : name_(std::move(name)),
          shape_(shape),
          data_(data),
          remap_(remap),
          replicas_(replicas),
          cold_rows_(cold_rows) {}

    std::shared_ptr<const std::string> name_;  // for a TableFile, shares ownership of the rows
    TableShape shape_;
    const std::byte* data_ = nullptr;
    std::span<const std::int32_t> remap_;
    const memory::Replicas* replicas_ = nullptr;
    const memory::ColdRows* cold_rows_ = nullptr;
};

}  // namespace rowpool
