// The kernels for any call: rows of any number of columns, filtered or not; sum, mean, sqrtn, plain lookup and max.
//
// The rows of a bag are processed in groups of several rows, which are read side by side from their first line to their
// last and added, in index order, to sums in the L1 cache. So each row is read once, sequentially, and each sum is
// loaded and stored once per group. Lines of later rows are prefetched at the rate at which lines of the current group
// are consumed, so that there are never more outstanding misses than the core has line-fill buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/indices.hpp"
#include "kernels/pooling/narrow_rows.hpp"
#include "kernels/pooling/output.hpp"
#include "kernels/pooling/side_by_side.hpp"
#include "kernels/rows.hpp"

namespace rowpool::kernels {
namespace {

/// Rows per group. More were measured to gain nothing, and need more registers than there are. Without an fma
/// instruction each product takes dozens of instructions: more than two rows gain nothing either, and take twice as
/// long to compile.
constexpr std::size_t kGroup = Arch::has_fma ? 4 : 2;

/// The most columns per block: their sums take 8 KiB of the L1 cache. Wider rows are processed block by block.
constexpr std::size_t kBlockColumns = 2048;

/// The columns of each block but the last: equal but for whole steps of visit_columns(), so that while one is read, one
/// of other rows is prefetched.
template <class C>
constexpr std::size_t equal_blocks(std::size_t columns) noexcept {
    const std::size_t blocks = (columns + kBlockColumns - 1) / kBlockColumns;
    return ((columns + blocks - 1) / blocks + kColumnsOfStep<C> - 1) / kColumnsOfStep<C> * kColumnsOfStep<C>;
}

/// The rows of a bag that are added together.
struct RowGroup {
    std::size_t count;
    RowAtHand rows[kGroup];
};

/// The arguments for one of the bags of a call.
inline PoolArgs one_bag(const PoolArgs& args, std::size_t bag, std::size_t position, std::size_t end) noexcept {
    PoolArgs one = args;
    one.first_bag = bag;
    one.last_bag = bag + 1;
    one.position = position;
    one.end = end;
    return one;
}

/// F is the form in which rows are added up. The plain form is careful: it makes each result canonical. Max takes it.
/// In other forms, coded rows save that, and a bag that are_regular() says no to is pooled again in the plain form.
template <Codec kCodec, class F, bool kIsMax>
class WideKernel {
public:
    static void run(const PoolArgs& args) noexcept {
        WideKernel kernel(args);
        std::size_t begin = args.position;
        for (std::size_t bag = args.first_bag; bag < args.last_bag; ++bag) {
            const std::size_t end = bag + 1 < args.last_bag ? end_of(args.ends, bag, begin) : args.end;
            kernel.pool_bag(bag, begin, end);
            begin = end;
        }
    }

private:
    using C = RowCodec<kCodec>;
    using V = Arch::V;

    /// Whether a product with a factor of 1 costs nothing.
    static constexpr bool kMultiplies = Arch::has_fma;
    static constexpr bool kIsCareful = std::is_same_v<F, PlainForm<kCodec>>;
    static constexpr bool kIsRegular = C::is_coded && !kIsCareful;
    /// Bags that are pooled again are so rare that code for several rows of them at once would be for nothing.
    static constexpr std::size_t kMostRows = C::is_coded && kIsCareful && !kIsMax ? 1 : kGroup;

    explicit WideKernel(const PoolArgs& args) noexcept
        : args_(args),
          columns_(stored_columns<C>(args.rows.dim)),
          block_(equal_blocks<C>(columns_)),
          start_(start_of_sums(args, C::is_coded)),
          distance_(args.rows.prefetch.distance < kGroup ? kGroup : args.rows.prefetch.distance),
          finish_{0, 1, is_divided(args.pooling)},
          narrow_rows_(args.rows) {}

    void pool_bag(std::size_t bag, std::size_t begin, std::size_t end) noexcept {
        begin_ = next_ = begin;
        end_ = end;
        out_ = output_row(args_, bag);
        if (args_.filters) skip_left_out();
        first_ = next_;
        finish_.divisor = finish_.divides ? divisor() : 1;
        if (first_ == end || finish_.divisor == 0) return write_zeros();
        is_regular_ = true;
        for (std::size_t first = 0; first < columns_; first += block_) {
            pool_columns(columns_from(first));
        }
        if constexpr (kIsRegular) {
            if (!is_regular_) pool_carefully(bag);
        }
    }

    /// The block of columns that begins at `first`. A last block that is narrower than a vector is moved back, because
    /// a load would read past the row: columns that are computed twice have the same results.
    Columns columns_from(std::size_t first) const noexcept {
        const std::size_t left = columns_ - first;
        if (left > block_) return {first, block_, block_, false};
        if (left < Arch::width && first != 0) return {columns_ - Arch::width, Arch::width, Arch::width, true};
        return {first, left, left, true};
    }

    void pool_columns(const Columns& columns) noexcept {
        RowGroup group;
        next_ = first_;
        finish_.bias = magnitude_ = 0;
        take(columns, group);
        if (next_ == end_) return write_group<true>(columns, group);
        add<true>(columns, group);
        for (take(columns, group); next_ != end_; take(columns, group)) add<false>(columns, group);
        write_group<false>(columns, group);
    }

    /// Adds the last group of a bag and writes the results.
    template <bool kIsFirst>
    void write_group(const Columns& columns, const RowGroup& group) noexcept {
        if constexpr (kIsRegular) is_regular_ &= are_regular(magnitude_, finish_);
        visit_count(group, [&]<std::size_t kRows>() { write<kRows, kIsFirst>(columns, group); });
    }

    /// Calls f.operator()<kRows>() with the number of rows in a group.
    template <std::size_t kRows = 1, class Visit>
    static void visit_count(const RowGroup& group, const Visit& f) noexcept {
        if constexpr (kRows < kMostRows) {
            if (group.count > kRows) return visit_count<kRows + 1>(group, f);
        }
        f.template operator()<kRows>();
    }

    std::size_t row_at(std::size_t position) const noexcept {
        return static_cast<std::size_t>(element(args_.indices, args_.wide_indices, position));
    }
    std::size_t filtered_row_at(std::size_t position) const noexcept {
        return row_of(args_.rows, element(args_.indices, args_.wide_indices, position));
    }
    void skip_left_out() noexcept {
        while (next_ < end_ && filtered_row_at(next_) == kNoRow) ++next_;
    }

    /// Takes the next group of rows that are not left out; there is at least one.
    void take(const Columns& columns, RowGroup& group) noexcept {
        args_.filters || block_ < columns_ ? take_carefully(columns, group) : take_all(columns, group);
    }

    /// Of rows that are one block of columns.
    void take_all(const Columns& columns, RowGroup& group) noexcept {
        const std::size_t left = end_ - next_;
        group.count = left < kMostRows ? left : kMostRows;
        for (std::size_t r = 0; r < group.count; ++r, ++next_) {
            const std::size_t row = row_at(next_);
            put(columns, group, r, row);
            const std::size_t later = next_ + distance_;
            const std::size_t prefetched = later < args_.prefetch_end ? row_at(later) : row;
            group.rows[r].later = args_.rows.data + prefetched * args_.rows.stride;
        }
    }

    /// Of any rows.
    [[gnu::noinline]] void take_carefully(const Columns& columns, RowGroup& group) noexcept {
        std::size_t r = 0;
        for (; next_ < end_ && r < kMostRows; ++next_) {
            const std::size_t row = filtered_row_at(next_);
            if (row == kNoRow) continue;
            put(columns, group, r, row);
            const Later later = later_than(next_, columns);
            const std::size_t prefetched =
                later.position < args_.prefetch_end ? filtered_row_at(later.position) : kNoRow;
            const std::size_t further = later.position + distance_;
            if (further < args_.prefetch_end) {
                prefetch_remap(args_.rows, element(args_.indices, args_.wide_indices, further));
            }
            const std::byte* const place =
                args_.rows.data + (prefetched != kNoRow ? prefetched : row) * args_.rows.stride;
            // Each block of columns begins with the row's scale, which may lie in another.
            if (C::is_coded && block_ < columns_ && args_.prefetch_end != 0) {
                prefetch_line<Prefetch::Into::second_level>(place + C::qparams_at(args_.rows));
            }
            group.rows[r].later = place + later.byte;
            ++r;
        }
        group.count = r;
        skip_left_out();
    }

    /// Puts the row of the next index into a group.
    [[gnu::always_inline]] void put(const Columns& columns, RowGroup& group, std::size_t r, std::size_t row) noexcept {
        const std::byte* const place = narrow_rows_.place(args_.rows, row);
        const float weight = args_.weights != nullptr ? args_.weights[next_] : 1;
        RowAtHand& own = group.rows[r];
        own.codes = place + C::codes_at(args_.rows) + C::bytes_of(columns.first);
        own.factor = weight;
        if constexpr (C::is_coded) {
            const Qparams q = C::qparams(place + C::qparams_at(args_.rows));
            own.factor = weight * q.scale;
            own.bias = q.bias;
            finish_.bias = Arch::fma_scalar(weight, q.bias, finish_.bias);
            if constexpr (kIsRegular) magnitude_ += __builtin_fabsf(own.factor);
        }
    }

    /// Where to prefetch while a row is read: distance_ rows ahead in the order of processing. Past the end of the bag
    /// that is its first rows again, in the next block of columns, or the next bag's rows, in their first block.
    struct Later {
        std::size_t position;
        std::size_t byte;
    };
    [[gnu::always_inline]] Later later_than(std::size_t position, const Columns& columns) const noexcept {
        const std::size_t later = position + distance_;
        if (later < end_) return {later, C::bytes_of(columns.first)};
        if (columns.are_last) return {later, 0};
        return {later - (end_ - begin_), C::bytes_of(columns.first + block_)};
    }

    template <std::size_t kRows, class AnyForm>
    [[gnu::always_inline]] SideBySide<kCodec, AnyForm, kRows, kIsRegular, kIsMax> side_by_side(
        const Columns& columns, const RowGroup& group) const noexcept {
        SideBySide<kCodec, AnyForm, kRows, kIsRegular, kIsMax> rows(start_, kMultiplies || args_.weights != nullptr,
                                                                    columns.count < Arch::width ? columns.count : 0);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kRows; ++r) rows.set(r, group.rows[r]);
        return rows;
    }

    /// Adds a whole group to sums_, or starts sums_ with it.
    template <bool kIsFirst>
    [[gnu::noinline]] void add(const Columns& columns, const RowGroup& group) noexcept {
        const auto rows = side_by_side<kMostRows, F>(columns, group);
        [[maybe_unused]] const bool is_ahead = args_.results_ahead != 0;  // those of this bag, as it has more groups
        [[maybe_unused]] const std::size_t size = element_bytes(args_.out_type);
        const auto add = [&]<std::size_t kCount>(std::size_t column, std::size_t slot) ROWPOOL_INLINE {
            V sums[kCount];
            if constexpr (kIsFirst) {
                if (is_ahead) prefetch_results(out_ + (columns.first + column) * size, kCount * Arch::width * size);
            } else {
                load(slot, sums);
            }
            rows.template add<kCount, kIsFirst>(column, sums);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kCount; ++v) Arch::store_f32(sums_at(slot + v * Arch::width), sums[v]);
        };
        rows.visit_columns(args_.rows, columns, args_.prefetch_end != 0, add);
    }

    std::byte* sums_at(std::size_t slot) noexcept { return reinterpret_cast<std::byte*>(sums_ + slot); }

    template <std::size_t kCount>
    [[gnu::always_inline]] void load(std::size_t slot, V (&sums)[kCount]) noexcept {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kCount; ++v) sums[v] = Arch::load_f32(sums_at(slot + v * Arch::width));
    }

    /// Adds the last group of a bag, of kRows rows, to sums_, or starts with it, and writes the results: as floats or
    /// in the type of the table, and from the floats in any other way.
    template <std::size_t kRows, bool kIsFirst>
    [[gnu::noinline]] void write(const Columns& columns, const RowGroup& group) noexcept {
        const std::size_t left = args_.rows.dim - columns.first;  // to write; a row may have storage for more
        std::byte* const out = out_ + columns.first * element_bytes(args_.out_type);
        constexpr OutputType kFloats = OutputType::f32, kOwn = own_type(kCodec);
        const bool are_whole = columns.count >= Arch::width && columns.count <= left;
        if constexpr (kOwn != kFloats) {
            if (are_whole && args_.out_type == kOwn) return write_as<kRows, kIsFirst, kOwn>(columns, group, out);
        }
        const bool are_final = are_whole && args_.out_type == kFloats;
        write_as<kRows, kIsFirst, kFloats>(columns, group, are_final ? out : sums_at(0));
        if (!are_final) store_rounded(out, args_.out_type, sums_at(0), left < columns.count ? left : columns.count);
    }

    template <std::size_t kRows, bool kIsFirst, OutputType kType>
    [[gnu::always_inline]] void write_as(const Columns& columns, const RowGroup& group, std::byte* out) noexcept {
        using AnyForm = std::conditional_t<kIsFirst && !kIsCareful, FormOfBag<kCodec, kRows, kType>, F>;
        const auto rows = side_by_side<kRows, AnyForm>(columns, group);
        const Finish finish = finish_;
        const auto write = [&]<std::size_t kCount>(std::size_t column, [[maybe_unused]] std::size_t slot)
                               ROWPOOL_INLINE {
                                   V sums[kCount];
                                   if constexpr (!kIsFirst) load(slot, sums);
                                   rows.template add<kCount, kIsFirst>(column, sums);
                                   rows.template write<kType>(out + column * element_bytes(kType), finish, sums);
                               };
        rows.visit_columns(args_.rows, columns, args_.prefetch_end != 0, write);
    }

    /// Writes the results of a bag of which no row is left, or whose sum would be divided by 0.
    [[gnu::noinline]] void write_zeros() noexcept {
        std::memset(out_, 0, args_.rows.dim * element_bytes(args_.out_type));
    }

    /// The divisor of mean and sqrtn.
    float divisor() const noexcept {
        float total = static_cast<float>(end_ - begin_);
        if (!args_.count_all && (args_.weights != nullptr || args_.filters)) total = total_taken();
        return args_.pooling == Pooling::sqrtn ? __builtin_sqrtf(total) : total;
    }

    float total_taken() const noexcept {
        std::size_t rows = 0;
        float weights = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            if (args_.filters && filtered_row_at(i) == kNoRow) continue;
            ++rows;
            if (args_.weights == nullptr) continue;
            const float w = args_.weights[i];
            weights = args_.pooling == Pooling::sqrtn ? Arch::fma_scalar(w, w, weights) : weights + w;
        }
        return args_.weights == nullptr ? static_cast<float>(rows) : weights;
    }

    /// Pools a bag again: its form may have overflowed where the plain sum does not, or NaNs are not canonical.
    [[gnu::noinline, gnu::cold]] void pool_carefully(std::size_t bag) noexcept {
        WideKernel<kCodec, PlainForm<kCodec>, kIsMax>::run(one_bag(args_, bag, begin_, end_));
    }

    const PoolArgs args_;
    const std::size_t columns_;
    const std::size_t block_;  ///< columns of a block
    const float start_;
    const std::size_t distance_;  ///< how many rows ahead others are prefetched; those of the group are being read
    // state of the current bag
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t first_ = 0;  // position of the first index that is not left out
    std::size_t next_ = 0;   // of the next one
    std::byte* out_ = nullptr;
    bool is_regular_ = true;
    float magnitude_ = 0;  // sum of the absolute factors of the rows that have been taken for a block of columns
    Finish finish_;        // its bias is of the same rows
    const NarrowRows<C> narrow_rows_;
    alignas(64) float sums_[kBlockColumns];
};

}  // namespace
}  // namespace rowpool::kernels
