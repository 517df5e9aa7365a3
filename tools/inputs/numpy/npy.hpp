// NumPy's .npy files: one array each, format versions 1 to 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/bags.hpp"
#include "support/mapped_file.hpp"
#include "support/output_file.hpp"
#include "tools/base/memory.hpp"
#include "tools/inputs/numpy/npy_header.hpp"

namespace rowpool::tools {

/// Element types that can be read; all others are refused when the file is opened.
enum class NpyType : std::uint8_t { u8, f16, bf16, f32, f64, i32, i64 };

/// Bytes of one element.
std::size_t item_bytes(NpyType type);

/// An array in a file, or in a member of an archive. The header is checked in full and agrees with the size of that.
struct NpyArray {
    std::string path;                   ///< as messages name the file
    std::shared_ptr<const void> owner;  ///< of the data
    NpyType type = NpyType::f32;
    bool big_endian = false;
    bool fortran_order = false;  ///< never for arrays of fewer than two dimensions
    std::vector<std::size_t> shape;
    std::size_t size = 0;             ///< elements: the product of the shape
    std::span<const std::byte> data;  ///< size * item_bytes(type) bytes
};

/// Whether the bytes begin as every .npy file does.
bool is_npy(std::span<const std::byte> bytes);

/// Maps an array. Fails, naming the file and what is wrong with it, when it is none, or cut short, or of another type.
NpyArray open_npy(const std::string& path);
NpyArray open_npy(support::MappedFile file);
/// The same for the bytes of such a file, which messages call `path`.
NpyArray parse_npy(const std::string& path, const SharedBytes& file);
/// The same, or nothing for an array of another type; the header is there for both.
std::optional<NpyArray> parse_npy_if_known(const std::string& path, const SharedBytes& file, NpyHeader& header);

/// The elements of an int32 or int64 array, used where they lie; fails for other types. `what` names them in the error.
IndexSpan index_values(const NpyArray& array, std::string_view what);

/// The elements of an f32 array, used where they lie; fails for other types.
std::span<const float> float_values(const NpyArray& array, std::string_view what);

/// Writes an array front to back; it appears at its path when commit() returns, else not at all.
class NpyWriter {
public:
    /// `descr` is the element type as NumPy spells it, for example "<f4".
    NpyWriter(const std::string& path, std::string_view descr, std::span<const std::size_t> shape);
    /// The next elements. Stops between blocks when interrupted.
    void append(std::span<const std::byte> bytes);
    void commit();

private:
    support::OutputFile file_;
    std::uint64_t written_ = 0;
};

}  // namespace rowpool::tools
