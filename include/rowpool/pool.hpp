// The operation: look rows up and pool them, on the calling thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool {

/// Which index is left out of bags: that of the table (the default), none, or the given one (a negative index wraps
/// once). Where the table has a remap, an index is an id, here and everywhere below.
class PaddingIndex {
public:
    enum class Kind : std::uint8_t { of_table, none, given };

    constexpr PaddingIndex() noexcept = default;
    constexpr PaddingIndex(std::int64_t index) noexcept : kind_(Kind::given), index_(index) {}
    static constexpr PaddingIndex none() noexcept {
        PaddingIndex padding;
        padding.kind_ = Kind::none;
        return padding;
    }

    constexpr Kind kind() const noexcept { return kind_; }
    constexpr std::int64_t index() const noexcept { return index_; }

private:
    Kind kind_ = Kind::of_table;
    std::int64_t index_ = 0;
};

/// What happens to an index below 0 or at or past Table::num_ids().
enum class OnBadIndex : std::uint8_t {
    fail,  ///< the call fails, names the first one, and writes nothing
    skip,  ///< it is left out like padding, and counted in PoolStatus::skipped; a plain lookup gives zeros for it
};

/// What mean and sqrtn divide by.
enum class Divisor : std::uint8_t {
    rows_taken,  ///< the number of rows pooled (with weights: their sum, or the root of the sum of their squares);
                 ///< PyTorch, TensorFlow
    bag_length,  ///< every index of the bag, including padding, skipped and pruned ones, with or without weights;
                 ///< FBGEMM TBE
};

struct PoolOptions {
    Pooling mode = Pooling::mean;  ///< the default of nn.EmbeddingBag
    PaddingIndex padding_index = {};
    OnBadIndex on_bad_index = OnBadIndex::fail;
    Divisor divisor = Divisor::rows_taken;
    /// By default chosen by the size of the table, this CPU, and, of many indices, whether some recur; see tuning.hpp.
    std::optional<Prefetch> prefetch = {};
};

/// A RangeOf whose elements can be changed.
template <class R, class T>
concept WritableRangeOf = RangeOf<R, T> && std::same_as<std::ranges::range_reference_t<R>, T&>;

/// Where results go: a view of the caller's buffer of num_bags rows. Row b starts at element column + b * stride. Only
/// the dim columns of each row are written; the rest of the buffer is left unchanged. `stride` is in elements and at
/// least column + dim; 0 means column + dim.
class Output {
public:
    Output(std::span<float> values, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(values.data(), values.size(), OutputType::f32, stride, column) {}
    Output(std::span<Float16> values, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(values.data(), values.size(), OutputType::f16, stride, column) {}
    Output(std::span<BFloat16> values, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(values.data(), values.size(), OutputType::bf16, stride, column) {}
    /// Vectors and arrays of these types; no temporaries.
    template <WritableRangeOf<float> R>
    Output(R& values ROWPOOL_VIEWED, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(std::span<float>(values), stride, column) {}
    template <WritableRangeOf<Float16> R>
    Output(R& values ROWPOOL_VIEWED, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(std::span<Float16>(values), stride, column) {}
    template <WritableRangeOf<BFloat16> R>
    Output(R& values ROWPOOL_VIEWED, std::size_t stride = 0, std::size_t column = 0) noexcept
        : Output(std::span<BFloat16>(values), stride, column) {}

    /// The same buffer with another stride and first column, in the order of the constructors.
    Output columns(std::size_t stride, std::size_t column) const noexcept {
        return {data_, size_, type_, stride, column};
    }
    [[deprecated("its arguments are in another order than the constructors'; use columns(stride, column)")]] Output
    columns_from(std::size_t column, std::size_t stride) const noexcept {
        return {data_, size_, type_, stride, column};
    }

    void* data() const noexcept { return data_; }
    /// Elements in the buffer.
    std::size_t size() const noexcept { return size_; }
    OutputType type() const noexcept { return type_; }
    std::size_t stride() const noexcept { return stride_; }
    std::size_t column() const noexcept { return column_; }

private:
    Output(void* data, std::size_t size, OutputType type, std::size_t stride, std::size_t column) noexcept
        : data_(data), size_(size), type_(type), stride_(stride), column_(column) {}

    void* data_;
    std::size_t size_;
    OutputType type_;
    std::size_t stride_;
    std::size_t column_;
};

/// Which check a pooling call failed.
enum class PoolFault : std::uint8_t {
    none,
    offsets_missing,    ///< no offsets, not even the final entry
    first_offset,       ///< offsets[0] is not 0
    falling_offset,     ///< an offset below the one before it
    offset_past_end,    ///< an offset past the end of the indices
    last_offset,        ///< the final offset is not the number of indices
    negative_length,    ///< a length below 0
    length_past_end,    ///< a length that runs past the end of the indices
    lengths_sum,        ///< lengths that add up to less than the number of indices
    fixed_length,       ///< num_bags * length is not the number of indices
    no_bags,            ///< indices, but no bags
    batch_shape,        ///< a request whose number of offsets is not features * batch + 1
    index,              ///< an index below 0 or at or past the number of ids
    weights_size,       ///< not one weight per index
    weights_with_mode,  ///< weights with Pooling::max or Pooling::none
    bags_with_none,     ///< Pooling::none with bags of other than one index
    padding_index,      ///< padding index not in [-ids, ids)
    output_stride,      ///< stride smaller than column + dim
    output_size,        ///< a buffer too small for the output rows
    isa,                ///< ROWPOOL_ISA names an instruction set that cannot run here
    skipped_size,       ///< not one count of skipped indices per feature
};

/// The outcome of a pooling call. Creating or copying one never allocates. It may outlive the table that it names,
/// because it shares the name with it (see TableName).
struct [[nodiscard]] PoolStatus {
    ErrorCode code = ErrorCode::ok;
    PoolFault fault = PoolFault::none;
    TableName table = {};                     ///< the table at fault, if any
    std::optional<std::size_t> feature = {};  ///< the feature of the model at fault, if any
    std::size_t bag = 0;       ///< the bag at fault, within its feature for a request; for offsets, the entry
    std::size_t position = 0;  ///< in indices, for PoolFault::index
    std::int64_t value = 0;    ///< what was found
    std::int64_t limit = 0;    ///< what it was checked against
    std::size_t skipped = 0;   ///< bad indices left out; always 0 with OnBadIndex::fail

    explicit operator bool() const noexcept { return code == ErrorCode::ok; }
    /// One line, for example "feature 2, table item_id, bag 3: index 17 at position 12 is not in [0, 10)", or "ok".
    ROWPOOL_API std::string message() const;
    /// The same as an Error, as other functions return it.
    Error error() const { return *this ? Error() : Error{code, message()}; }
    operator Status() const { return error(); }
};

/// Pools the rows that each bag selects into one output row per bag.
///
///   out[b, d] = reduce over j in bag b of weights[j] * table[indices[j], d]
///
/// Ids that the table's remap has pruned are left out of bags, like padding, and give zeros in a plain lookup.
///
/// @param table    [rows, dim] in any row format
/// @param bags     indices, offsets or lengths, and weights; see Bags. Pooling::none needs one index per bag: see
///                 Bags::rows
/// @param options  see PoolOptions. Pooling::none returns the padding row as stored, as nn.Embedding does.
/// @param out      [num_bags, dim] of f32, f16 or bf16; must not overlap the inputs. There may be room for more rows.
/// @return         ok with the number of skipped indices, or the first fault found. Everything is checked before
///                 anything is written: after a fault `out` is unchanged.
///
/// Accumulates in f32, in index order within the bag, and rounds once; the bits do not depend on the instruction set
/// (docs/NUMERICS.md). Allocates nothing. Thread safety: any number of calls at once, also on one table. Source:
/// torch.nn.EmbeddingBag and torch.nn.Embedding; sqrtn from tf.nn.embedding_lookup_sparse.
ROWPOOL_API PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options,
                            const Output& out) noexcept;

/// The checks of pool() alone, all of them or all but those of the output: where this returns ok, pool() does, too.
/// Reads the indices, but no row. Thread safety as pool().
ROWPOOL_API PoolStatus check(const Table& table, const Bags& bags, const PoolOptions& options,
                             const Output& out) noexcept;
ROWPOOL_API PoolStatus check(const Table& table, const Bags& bags, const PoolOptions& options) noexcept;

}  // namespace rowpool
