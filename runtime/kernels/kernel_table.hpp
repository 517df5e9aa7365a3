// The interface between the kernels of one instruction set and the rest of the library: plain functions over plain
// pointers.
//
// Nothing here knows files, threads or errors. Arguments have been checked: kernels trust sizes, offsets and, unless a
// function is told to filter, indices.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rowpool/types.hpp"

/// For lambdas in the kernels' loops, where [[gnu::always_inline]] cannot be written. Everything that takes sums by
/// reference must be inlined before gcc allocates registers, or the sums end up in memory.
#define ROWPOOL_INLINE __attribute__((always_inline))

namespace rowpool::kernels {

/// How the elements of a row are decoded. Row formats that differ only in the position of scale and bias share a codec.
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

/// The rows of a table, and how lookups map indices to them.
struct Rows {
    const std::byte* data;
    std::size_t count;
    std::size_t stride;  ///< bytes from one row to the next
    std::size_t bytes;   ///< bytes of one row
    std::size_t lines;   ///< maximum number of 64-byte cache lines that a row touches; not 0
    std::size_t dim;
    std::size_t codes_at;       ///< byte of a row's first element; kernels ask RowCodec::codes_at()
    std::size_t qparams_at;     ///< byte of a row's scale, followed by its bias; kernels ask RowCodec::qparams_at()
    std::size_t ids;            ///< valid indices are below it; equal to `count` without a remap
    const std::int32_t* remap;  ///< the row of each id, or any number that is not a row; null when ids are rows
    std::int64_t padding;       ///< index to leave out when filtering; -1 for none
    Prefetch prefetch;
    std::size_t whole_distance;  ///< that of `prefetch` for kernels that read whole rows, not blocks of columns
};

/// Where bags end. Bag b begins where bag b - 1 ends.
struct BagEnds {
    enum class Kind : std::uint8_t { offsets, lengths, fixed };

    Kind kind;
    bool wide;           ///< values are int64, not int32
    const void* values;  ///< offsets: [b] is the end of bag b; lengths: [b] is the length of bag b
    std::size_t length;  ///< fixed: the length of every bag
};

/// The arguments of one kernel call: a bag range, [first_bag, last_bag), and where its results go.
struct PoolArgs {
    Rows rows;
    const void* indices;
    bool wide_indices;  ///< indices are int64, not int32
    BagEnds ends;
    const float* weights;  ///< one per index, or null
    std::size_t first_bag;
    std::size_t last_bag;
    std::size_t position;  ///< first index of first_bag
    std::size_t end;       ///< one past the last index of the last bag, whose entry in `ends` may be missing
    Pooling pooling;
    std::size_t least_run;  ///< bytes; shorter blocks of rows of several are short; see least_run_for()
    /// Of rows: so many bags are pooled in one block of columns before the next block as have these bytes together in
    /// the mean, but 1 to 64 bags (bytes_at_once_for()).
    std::uint32_t bytes_at_once;
    bool has_small_l1;         ///< see has_small_l1() of pooling
    bool filters;              ///< leave out padding, bad indices and ids without a row; indices need not be checked
    bool count_all;            ///< mean and sqrtn divide by the length of the bag, ignoring filtering and weights
    std::size_t prefetch_end;  ///< prefetching stops before this index; 0 to prefetch nothing
    void* out;                 ///< first element of bag 0's output row
    std::size_t out_stride;    ///< elements
    OutputType out_type;
    /// Bytes from the results that are written to those whose lines are prefetched meanwhile; 0 where none are.
    /// Kernels for any call prefetch the results of the bag itself, and so do block kernels of many vectors if bags are
    /// long. Where it is not 0, results are afar: short bags are read side by side (most_at_once()).
    std::size_t results_ahead;
};
using PoolFn = void (*)(const PoolArgs&) noexcept;

/// Copies `count` rows of `bytes` bytes, at least 64 and even, to even addresses: the whole cache lines of their
/// destinations by non-temporal stores, past the caches and seen by other threads after a fence for such stores only;
/// the parts of lines at both ends, whose other bytes may be another thread's, by ordinary stores.
using StreamFn = void (*)(std::byte* to, std::size_t to_stride, const std::byte* from, std::size_t from_stride,
                          std::size_t bytes, std::size_t count) noexcept;

/// The kernels of one codec.
struct CodecKernels {
    /// sum, mean, sqrtn and plain lookup, for calls that suits_blocks() accepts; [weighted]
    PoolFn blocks[2];
    /// The same, for calls that is_single() accepts, too.
    PoolFn single;
    /// sum, and mean and sqrtn without weights, for calls that are_short() accepts, too; [weighted]. Null where there
    /// is none.
    PoolFn few[2];
    /// sum, mean, sqrtn and plain lookup for any call; the only one of the four that filters.
    PoolFn any;
    /// max for any call, filtering or not.
    PoolFn max;
};

/// Rows that greedy and search work on at a time, one per SIMD lane.
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
    float* scratch;  ///< kRowsAtOnce * dim numbers; used only by greedy and search
};

/// One instruction set's kernels.
struct KernelTable {
    const char* isa;
    std::size_t one_block_dim;  ///< columns of the widest row that is one block
    std::size_t block_dim;      ///< columns of the widest block that wider rows are cut into
    const CodecKernels* codecs[kNumCodecs];
    /// How many of `count` indices are below 0 or at or past `rows`; [indices are int64]
    std::size_t (*count_outside[2])(const void* indices, std::size_t count, std::size_t rows) noexcept;
    /// Whether none of `count` offsets, at least one, is negative or below the one before it; [offsets are int64]
    bool (*never_fall[2])(const void* offsets, std::size_t count) noexcept;
    /// Whether `count` bag ends are `first`, first + step, first + 2 * step, ...; [ends are int64]
    bool (*are_sequence[2])(const void* ends, std::size_t count, std::int64_t first, std::int64_t step) noexcept;
    /// Null where the kernels use none.
    StreamFn stream_rows;
    /// Converts rows until the format cannot represent one (see quantize.hpp); returns that row, or args.rows.
    std::size_t (*quantize)(const QuantizeArgs& args) noexcept;
};

/// Bytes of a block of `block_dim` columns of rows of `dim` columns and so many bytes, with its share of scale and
/// bias.
constexpr std::size_t bytes_of_block(const KernelTable& kernels, std::size_t row_bytes, std::size_t dim) noexcept {
    return row_bytes * kernels.block_dim / dim;
}

/// Whether a call suits kernels that read only the lower 32 bits of indices and bag ends, and do not filter. Offsets
/// are counted from the first index of all, not from the call's.
inline bool suits_blocks(const PoolArgs& args) noexcept {
    constexpr std::size_t kMost = ~std::uint32_t{0};
    return !args.filters && args.rows.count <= kMost && args.end <= kMost;
}

/// Whether a codec's elements are less than a byte.
constexpr bool are_parts_of_bytes(Codec codec) noexcept { return codec == Codec::int4 || codec == Codec::int2; }

/// Whether elements are codes, with a scale and a bias for each row.
constexpr bool are_codes(Codec codec) noexcept { return codec >= Codec::int8_f32; }

/// Whether sums are divided.
constexpr bool is_divided(Pooling pooling) noexcept { return pooling == Pooling::mean || pooling == Pooling::sqrtn; }

/// Whether every bag has one row, and its result is not divided by its weight.
inline bool is_single(const PoolArgs& args) noexcept {
    const bool by_weight = is_divided(args.pooling) && args.weights != nullptr;
    return args.ends.kind == BagEnds::Kind::fixed && args.ends.length == 1 && !by_weight;
}

constexpr std::size_t element_bytes(OutputType type) noexcept { return type == OutputType::f32 ? 4 : 2; }

/// The type that results of a table have unless the caller wants another: that of its elements, or floats.
constexpr OutputType own_type(Codec codec) noexcept {
    return codec == Codec::f16 ? OutputType::f16 : codec == Codec::bf16 ? OutputType::bf16 : OutputType::f32;
}

/// Bytes of a block from which it is long: the lines of such a block are fetched together.
inline constexpr std::size_t kLongBlock = 512;

/// The most rows of a bag that the kernel for short bags reads side by side, for a codec whose blocks have so many
/// bytes: reading more gains little over long blocks.
constexpr std::size_t most_side_by_side(std::size_t block) noexcept { return block < kLongBlock ? 8 : 4; }

/// How many rows a bag, in the mean, are read faster side by side than block by block, in a call whose blocks have
/// `block` bytes. As many as there can be where results are written afar, because a block's are written at once and
/// wait for one another; where blocks are short or have codes of less than a byte; codes of a byte from memory or with
/// a small L1; and halves that are not near with a small L1. Otherwise up to four from L2 and L3, and f32 with a small
/// L1 from memory; of near halves with a small L1, five in short blocks, four in long ones. Other floats and halves
/// from memory are read faster by blocks. (Long blocks, results afar and a small L1: measured on Zen 4; others: Zen 5.)
inline std::size_t most_at_once(Codec codec, std::size_t block, const PoolArgs& args) noexcept {
    constexpr std::size_t kShort = 124, kMemoryRun = 256;  // int8 on AVX2: 112, and a share of scale and bias
    const std::size_t most = most_side_by_side(block);
    if (args.results_ahead != 0 || block <= kShort || block < args.least_run || are_parts_of_bytes(codec)) return most;
    const bool is_memory = args.least_run >= kMemoryRun;
    if (are_codes(codec)) return is_memory || args.has_small_l1 ? most : 4;
    if (codec != Codec::f32 && args.has_small_l1 && args.least_run != 0) return most;
    const bool is_long = block >= kLongBlock;
    if (is_memory || (is_long && codec != Codec::f32 && !args.has_small_l1)) return 0;
    return codec != Codec::f32 && args.has_small_l1 && !is_long ? 5 : 4;
}

/// Columns of the widest row that is read faster as one block than side by side with others, however short bags are:
/// the fewer, the more registers and instructions decoding takes (measured on Zen 5).
constexpr std::size_t widest_block(const KernelTable& kernels, Codec codec) noexcept {
    const std::size_t eighth = kernels.block_dim / 8;
    if (codec == Codec::f32) return kernels.one_block_dim - eighth;
    return are_codes(codec) ? kernels.block_dim - eighth : kernels.block_dim;
}

/// Whether rows are so wide and bags so short that rows are read side by side, in a call that is neither a maximum nor
/// of single rows. Of even wider rows L1 holds too few. (Measured on Zen 4 for floats and halves; codes of more than 4
/// KiB a row were not.)
inline bool are_short(const KernelTable& kernels, Codec codec, const PoolArgs& args) noexcept {
    const std::size_t most_bytes = are_codes(codec) ? 4096 : 16384;
    if (args.rows.dim <= widest_block(kernels, codec) || args.rows.bytes > most_bytes) return false;
    if (is_divided(args.pooling) && args.weights != nullptr) return false;
    if (args.out_type != OutputType::f32 && args.out_type != own_type(codec)) return false;
    const std::size_t block = bytes_of_block(kernels, args.rows.bytes, args.rows.dim);
    return args.end - args.position <= most_at_once(codec, block, args) * (args.last_bag - args.first_bag);
}

/// Whether rows are read faster side by side than block by block, whatever the length of bags: rows of more than two
/// blocks if these are short; of int4 and int2, if they are shorter than a cache line. There are so many of the latter
/// that what each costs beside its columns is more than adding to sums in L1 (Zen 5, AVX2: up to 1.5 times as fast from
/// L2).
inline bool are_many_blocks(const KernelTable& kernels, Codec codec, const PoolArgs& args) noexcept {
    constexpr std::size_t kLine = 64;
    if (args.rows.dim <= 2 * kernels.block_dim) return false;
    const std::size_t block = bytes_of_block(kernels, args.rows.bytes, args.rows.dim);
    return block < args.least_run || (block < kLine && are_parts_of_bytes(codec));
}

/// Selects the kernel for a call. All but `blocks` read whole rows, or blocks as large as several of theirs.
inline PoolFn pool_function(const KernelTable& kernels, Codec codec, const PoolArgs& args) noexcept {
    const CodecKernels& own = *kernels.codecs[static_cast<std::size_t>(codec)];
    if (args.pooling == Pooling::max) return own.max;
    if (!suits_blocks(args)) return own.any;
    if (is_single(args)) return own.single;
    const PoolFn few = own.few[args.weights != nullptr];
    if (few != nullptr && are_short(kernels, codec, args)) return few;
    if (are_many_blocks(kernels, codec, args)) return own.any;
    return own.blocks[args.weights != nullptr];
}

extern const KernelTable kernels_generic;
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
extern const KernelTable kernels_neon;

}  // namespace rowpool::kernels
