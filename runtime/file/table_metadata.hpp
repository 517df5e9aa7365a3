// What rowpool keeps in a file's __metadata__: a description of each table, and the checksum of the header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file/safetensors.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table_file.hpp"

namespace rowpool::file {

/// Prefixes of the tensors that accompany tables. Names of tables do not start with two underscores.
inline constexpr std::string_view kHelperPrefix = "__";
inline constexpr std::string_view kChecksumsPrefix = "__xxh3.";  ///< U64 [blocks]: checksums of the table's blocks
inline constexpr std::string_view kNamesPrefix = "__names.";     ///< U8 [bytes]: row names, separated by newlines
inline constexpr std::string_view kRemapPrefix = "__remap.";     ///< I32 [ids]: the row of each id, or -1
inline constexpr std::string_view kFillerPrefix = "__pad.";      ///< U8 [bytes]: zeros

/// A tensor that accompanies a table, and the checksum of its bytes.
struct HelperTensor {
    std::string name;
    std::uint64_t xxh3 = 0;
};

/// The metadata of one table. The number of rows comes from its tensor.
struct TableRecord {
    TableShape shape = {};  ///< rows is 0
    TableOrigin origin = {};
    HelperTensor checksums = {};
    std::optional<HelperTensor> names = {};
    std::optional<HelperTensor> remap = {};
    std::optional<std::size_t> hot_rows = {};
};

/// All of rowpool's metadata of a file.
struct TableMetadata {
    std::uint64_t checksum_block = 0;           ///< bytes that one checksum covers, at least 4096
    std::map<std::string, TableRecord> tables;  ///< by tensor name
};

/// The dtype of a tensor of floats; empty for coded rows.
std::string_view float_dtype(RowFormat format) noexcept;

/// The dtype and shape of the tensor that stores a table of this normalised shape: a matrix of floats if possible,
/// otherwise the bytes of the rows.
struct TensorType {
    std::string_view dtype;
    std::uint64_t columns = 0;
};
TensorType tensor_type(const TableShape& shape) noexcept;

/// Reads rowpool's metadata of a file; empty for a foreign file. `path` is for messages.
/// Errors: corrupt_file, also when the header does not match its checksum; unsupported for a newer version.
Result<std::optional<TableMetadata>> read_table_metadata(const SafetensorsHeader& header, const std::string& path);

/// The header of a file with these tensors and tables, with its checksum, padded with spaces to `size` bytes; unpadded
/// when `size` is 0.
std::string write_header(const std::vector<Tensor>& tensors, const TableMetadata& metadata, std::size_t size);

}  // namespace rowpool::file
