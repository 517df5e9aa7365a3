// Basic types: row formats, pooling modes, output types, half-precision numbers, prefetching. Kernels include this
// public header and no other, so Prefetch stands here, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "rowpool/export.hpp"

namespace rowpool {

/// Widest row that a table can have, in columns.
inline constexpr std::size_t kMaxDim = 65536;

/// The bits of an IEEE 754 binary16 number. A distinct type, so that buffers of halves and of integers cannot be mixed
/// up.
struct Float16 {
    std::uint16_t bits = 0;
};

/// The bits of a bfloat16 number: the upper half of a binary32.
struct BFloat16 {
    std::uint16_t bits = 0;
};

/// How one row of a table is stored; docs/FORMAT.md has the bytes. A coded value is `scale * code + bias`, codes are
/// unsigned, code j of a packed row is in byte j / (8 / bits) at bit (j % (8 / bits)) * bits.
enum class RowFormat : std::uint8_t {
    f32,
    f16,
    bf16,
    int8,      ///< codes[dim], f32 scale, f32 bias: torch.ops.quantized.embedding_bag_byte_prepack
    int8_f16,  ///< codes[dim], f16 scale, f16 bias: fbgemm FloatToFusedNBitRowwiseQuantizedSBHalf with 8 bits
    int4,      ///< packed[ceil(dim/2)], f16 scale, f16 bias: torch.ops.quantized.embedding_bag_4bit_prepack
    int2,      ///< packed[ceil(dim/4)], f16 scale, f16 bias: torch.ops.quantized.embedding_bag_2bit_prepack
    tbe_int8,  ///< f16 scale, f16 bias, codes[dim]: FBGEMM table batched embeddings (TBE), inference rows
    tbe_int4,  ///< f16 scale, f16 bias, packed[ceil(dim/2)]: FBGEMM TBE
    tbe_int2,  ///< f16 scale, f16 bias, packed[ceil(dim/4)]: FBGEMM TBE
};

/// How the scale and bias of a coded row are chosen from its values. They define the range that the codes cover; values
/// outside it are clipped to its ends. docs/NUMERICS.md has the definitions, and errors on real tables.
enum class QuantizationMethod : std::uint8_t {
    /// The range of the values, as in PyTorch's prepack operators and FBGEMM. The fastest.
    min_max,
    /// The range that PyTorch's prepack operators find with optimized_qparams=True, bit for bit: the range of min_max
    /// is narrowed in steps of 1/200 of it, down to 84 %. 4 and 2 bits only, as in PyTorch.
    greedy,
    /// The scale and bias with the least squared error of the decoded row, by search. Never worse than the other two on
    /// any row.
    search,
};

/// A row format and how its scales and biases are chosen. A RowFormat alone means min_max; float formats have no scale
/// or bias, so the method does not matter to them.
struct RowCoding {
    // NOLINTNEXTLINE(google-explicit-constructor): a format is a coding
    constexpr RowCoding(RowFormat row_format,
                        QuantizationMethod quantization_method = QuantizationMethod::min_max) noexcept
        : format(row_format), method(quantization_method) {}

    RowFormat format;
    QuantizationMethod method;

    friend bool operator==(const RowCoding&, const RowCoding&) noexcept = default;
};

/// How the rows of a bag become one vector. An empty bag gives zeros in every mode.
enum class Pooling : std::uint8_t {
    none,   ///< plain lookup (nn.Embedding): one output row per index
    sum,    ///< sum of weight * row
    mean,   ///< the sum divided by the number of rows pooled, or by the sum of the weights
    sqrtn,  ///< the sum divided by the square root of the number of rows pooled, or of the sum of the squared weights
    max,    ///< the largest value of each column; takes no weights
};

/// How rows are prefetched. It changes the time that a lookup takes, never its result.
///
/// A core has few line-fill buffers, so few misses of its L1 cache are outstanding at once. A prefetch into L2 does not
/// hold one of them: on CPUs with a small L1 (32 KiB), rows come from memory up to twice as fast that way. CPUs with a
/// larger L1 prefetch into it directly. Rows that are already in L2 gain from a short distance into L1, or from no
/// prefetching (docs/TUNING.md).
struct Prefetch {
    enum class Into : std::uint8_t { first_level, second_level };

    /// Longest distance; longer ones are clamped to it.
    static constexpr std::size_t kMostDistance = 4096;

    /// A row is prefetched this many indices before it is read, or fewer where whole rows are read and the cache has no
    /// room for so many, or so many on their way to L2 gain nothing, or four where it is less than a group that is read
    /// at once (docs/TUNING.md); 0 means never.
    std::size_t distance = 0;
    Into into = Into::second_level;  ///< suits CPUs with a small L1

    friend bool operator==(const Prefetch&, const Prefetch&) noexcept = default;
};

/// Element type of an output buffer.
enum class OutputType : std::uint8_t { f32, f16, bf16 };

/// All row formats, in the order of the enum.
ROWPOOL_API std::span<const RowFormat> all_row_formats() noexcept;

/// Names as the `rowpool` command takes and prints them: "int8", "int8-f16", "tbe-int4", "min-max", "mean", "bf16".
ROWPOOL_API std::string_view to_string(RowFormat format) noexcept;
ROWPOOL_API std::string_view to_string(QuantizationMethod method) noexcept;
ROWPOOL_API std::string_view to_string(Pooling pooling) noexcept;
ROWPOOL_API std::string_view to_string(OutputType type) noexcept;

/// The inverse of to_string; nothing for an unknown name.
ROWPOOL_API std::optional<RowFormat> parse_row_format(std::string_view name) noexcept;
ROWPOOL_API std::optional<QuantizationMethod> parse_quantization_method(std::string_view name) noexcept;
ROWPOOL_API std::optional<Pooling> parse_pooling(std::string_view name) noexcept;
ROWPOOL_API std::optional<OutputType> parse_output_type(std::string_view name) noexcept;

/// Whether rows hold codes with a scale and a bias (every format but f32, f16 and bf16).
ROWPOOL_API bool is_coded(RowFormat format) noexcept;

/// Whether rows of this format can be quantized by this method: everything but greedy at 8 bits.
ROWPOOL_API bool is_available(RowCoding coding) noexcept;

/// Bytes of one row of `dim` columns without padding, at most 262,144. `dim` must be 1 to kMaxDim.
ROWPOOL_API std::size_t row_bytes(RowFormat format, std::size_t dim) noexcept;

}  // namespace rowpool
