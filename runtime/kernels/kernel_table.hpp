// What the kernels of one instruction set offer to the rest of the library: plain functions over plain pointers.
//
// Nothing here knows files, threads or errors. Arguments have been checked: kernels trust sizes, offsets and, unless a
// function is told to filter, indices.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rowpool/types.hpp"

/// For lambdas of the kernels' loops, which have no other place for an attribute. What refers to sums must be inlined
/// before gcc decides what lives in registers.
#define ROWPOOL_INLINE __attribute__((always_inline))

namespace rowpool::kernels {

/// How the elements of a row decode; row formats that differ only in where scale and bias stand share a codec.
enum class Codec : std::uint8_t { f32, f16, bf16, int8_f32, int8_f16, int4, int2 };
inline constexpr std::size_t kNumCodecs = 7;

constexpr Codec codec_of(RowFormat format) noexcept {
    switch (format) {
        case RowFormat::f32:
            return Codec::f32;
        case RowFormat::f16:
            return Codec::f16;
        case RowFormat::bf16:
            return Codec::bf16;
        case RowFormat::int8:
            return Codec::int8_f32;
        case RowFormat::int8_f16:
        case RowFormat::tbe_int8:
            return Codec::int8_f16;
        case RowFormat::int4:
        case RowFormat::tbe_int4:
            return Codec::int4;
        case RowFormat::int2:
        case RowFormat::tbe_int2:
            return Codec::int2;
    }
    return Codec::f32;
}

/// The rows to look up in, and how they are looked up.
struct Rows {
    const std::byte* data;
    std::size_t count;
    std::size_t stride;  ///< bytes from one row to the next
    std::size_t bytes;   ///< bytes of one row
    std::size_t lines;   ///< most cache lines of 64 bytes that a row touches; not 0
    std::size_t dim;
    std::size_t codes_at;       ///< byte of a row's first element
    std::size_t qparams_at;     ///< byte of a row's scale, followed by its bias
    std::size_t ids;            ///< indices are below it; `count` without a remap
    const std::int32_t* remap;  ///< the row of each id, or anything that is no row; null when ids are rows. Only
                                ///< filtering kernels look at it
    std::int64_t padding;       ///< index that filtering kernels leave out; -1 for none
    Prefetch prefetch;
    std::size_t burst;  ///< rows to prefetch at once; 0 for one whenever one has its turn
    bool end_first;     ///< a prefetched row is to be read from its end: see exec::reads_end_first
};

/// Where bags end. Bag b begins where bag b - 1 ends.
struct BagEnds {
    enum class Kind : std::uint8_t { offsets, lengths, fixed };

    Kind kind;
    bool wide;             ///< values are int64, not int32
    const void* values;    ///< offsets: the end of bag b at [b]; lengths: indices of bag b at [b]
    std::size_t count;     ///< offsets: entries; a bag past them ends at the last index
    std::size_t length;    ///< fixed: indices of every bag
    std::size_t last_end;  ///< where the last bag ends
};

/// Bags [first_bag, last_bag) of a call, and where their results go.
struct PoolArgs {
    Rows rows;
    const void* indices;  ///< int32 or int64 by the kernel that is called
    BagEnds ends;
    const float* weights;  ///< used by weighted kernels only
    std::size_t first_bag;
    std::size_t last_bag;
    std::size_t position;      ///< first index of first_bag
    Pooling pooling;           ///< sum, mean or sqrtn for sum kernels
    bool count_all;            ///< mean and sqrtn divide by the length of the bag, whatever was left out and weighted
    std::size_t prefetch_end;  ///< indices from here on are not looked at; 0 to prefetch nothing
    void* out;                 ///< first element of bag 0's output row
    std::size_t out_stride;    ///< elements
    OutputType out_type;
};
using PoolFn = void (*)(const PoolArgs&) noexcept;

/// Rows that greedy and search work on at once.
inline constexpr std::size_t kRowsAtOnce = 16;

/// Rows to convert from floats.
struct QuantizeArgs {
    const std::byte* source;
    RowFormat source_format;  ///< f32, f16 or bf16
    std::size_t source_stride;
    std::byte* out;
    RowCoding coding;
    std::size_t out_stride;
    std::size_t rows;
    std::size_t dim;
    float* scratch;  ///< kRowsAtOnce * dim numbers; only for coded rows, and not by min_max
};

/// One instruction set's kernels.
struct KernelTable {
    const char* isa;
    /// sum, mean and sqrtn; [codec][indices are int64][weighted][filtering: leaves out padding, bad indices and ids
    /// without a row]
    PoolFn sum[kNumCodecs][2][2][2];
    /// max, and plain lookup as the max of bags of one; [codec][indices are int64][filtering]
    PoolFn max[kNumCodecs][2][2];
    /// How many of `count` indices are below 0 or at or past `rows`; [indices are int64]
    std::size_t (*count_outside[2])(const void* indices, std::size_t count, std::size_t rows) noexcept;
    /// Converts rows until one cannot be held (quantize.hpp has the rule); returns that row, or args.rows.
    std::size_t (*quantize)(const QuantizeArgs& args) noexcept;
};

extern const KernelTable kernels_generic;
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
extern const KernelTable kernels_neon;

}  // namespace rowpool::kernels
