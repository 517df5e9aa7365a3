// Table files: safetensors files whose tensors are embedding tables (docs/FORMAT.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/export.hpp"
#include "rowpool/residency.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool {

namespace memory {
struct Numa;
struct Paging;
}  // namespace memory

/// How far the values of a converted table are from those of its source.
struct ErrorMetrics {
    double max_abs = 0;      ///< largest |decoded - source| of any element
    double relative_l2 = 0;  ///< ||decoded - source|| / ||source|| over the whole table; 0 for an all-zero source
};

/// Where a table came from, as its file records it. Empty for a foreign safetensors file.
struct TableOrigin {
    std::string source;        ///< file and tensor that it was converted from
    std::string quantization;  ///< method, for example "min-max (PyTorch prepack)"; empty for float rows
    std::optional<ErrorMetrics> error;
};

/// Which rows are hot: the first TableFile::hot_rows() of each table, or all rows where the file does not say, up to
/// these limits. A limit of zero means no rows.
struct HotPart {
    static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

    std::size_t most_rows = kNoLimit;   ///< of each table
    std::size_t most_bytes = kNoLimit;  ///< of each table; whole rows only
};

struct OpenOptions {
    Residency residency = Residency::mapped;  ///< how the rows are held in memory
    /// When given, only these rows and the remaps are held that way, and the other rows are mapped. For tables that
    /// have their hot rows first and are too large to lock or copy whole.
    std::optional<HotPart> hot = {};
    /// Of rows that are mapped; without a meaning for those that are locked or copied. The choice is for one file:
    /// where several together do not fit memory, turn it off.
    ReadAhead read_ahead = ReadAhead::automatic;
};

/// A tensor of a file, whether it is a table or not. It points into the mapping and is valid as long as a copy of the
/// file lives.
struct TensorView {
    std::string_view name;
    std::string_view dtype;                ///< as safetensors spells it, for example "U8"
    std::span<const std::uint64_t> shape;  ///< any number of dimensions
    std::span<const std::byte> bytes;      ///< its elements in C order, little-endian; not aligned
};

/// An opened table file. Cheap to copy; its tables keep their rows alive without it. Immutable and safe to share.
class ROWPOOL_API TableFile {
public:
    /// Maps a table file, or any safetensors file: its two-dimensional F32, F16 and BF16 tensors are tables. Checks the
    /// whole header. `options` decide which rows it reads, and on how many threads: none when they are mapped; all of
    /// them, or the hot ones, on all cores when they are copied. The file must not shrink while it is in use: a read
    /// past its new end raises SIGBUS.
    /// Errors: io_error, also when the system cannot lock the rows or place them on NUMA nodes; out_of_memory;
    /// corrupt_file, with file, tensor and byte; unsupported (a newer format version, or not a regular file);
    /// unsupported_isa.
    static Result<TableFile> open(const std::string& path, const OpenOptions& options = {});

    const std::string& path() const noexcept;
    /// In the order of their bytes in the file.
    std::span<const Table> tables() const noexcept;
    /// Error: not_found, with what the file has, or why the tensor of that name is no table.
    Result<Table> table(std::string_view name) const;

    /// Everything in the file, in the order of the bytes: tables, what belongs to them, filler, and foreign tensors.
    /// For a dtype that safetensors defines, shape and dtype agree with the number of bytes.
    /// Error: out_of_memory.
    Result<std::vector<TensorView>> tensors() const;

    /// Whether the file carries rowpool's metadata (checksums, origins, names) or is a foreign safetensors file.
    bool has_metadata() const noexcept;
    /// `table` is one of tables(); its position there.
    const TableOrigin& origin(std::size_t table) const noexcept;
    /// The number of hot rows, which come first: those that the trace looked up by which the table was reordered; at
    /// most Table::rows(). Empty when the file does not say. `rowpool convert --order-by-trace` records it.
    std::optional<std::size_t> hot_rows(std::size_t table) const noexcept;
    /// Whether the table has names for its rows. Does not read them.
    bool has_row_names(std::size_t table) const noexcept;
    /// Names of the ids, Table::num_ids() of them, or empty when the table has none. They point into the mapping. Reads
    /// all names, so its time is proportional to their size.
    /// Error: corrupt_file when there are not as many names as ids.
    Result<std::vector<std::string_view>> row_names(std::size_t table) const;

    /// The same names as stored in the file: joined by newlines, one per id, as in NewTable; takes no memory.
    Result<std::string_view> joined_row_names(std::size_t table) const;

    /// Called with the number of bytes compared since the last call, on any thread and on several at once. It must not
    /// throw.
    using VerifyProgress = std::function<void(std::uint64_t bytes)>;

    /// Reads everything that rowpool's metadata covers and compares it with its checksums, on all cores: in a file that
    /// rowpool wrote, every byte that open() has not checked. It reads the file, not copies of its rows.
    /// Error: corrupt_file that names the tensor and the first byte of the first damaged block, or an id whose remap
    /// entry is neither a row nor -1. A foreign file has no checksums: ok.
    Status verify(const VerifyProgress& progress = {}) const;

private:
    // open() on a machine with the given NUMA nodes and paging, which outlive the file and its tables.
    friend Result<TableFile> open_table_file(const std::string& path, const OpenOptions& options,
                                             const memory::Numa& numa, const memory::Paging& paging);
    struct ROWPOOL_LOCAL Contents;
    explicit TableFile(std::shared_ptr<const Contents> contents) noexcept : contents_(std::move(contents)) {}

    std::shared_ptr<const Contents> contents_;
};

}  // namespace rowpool
