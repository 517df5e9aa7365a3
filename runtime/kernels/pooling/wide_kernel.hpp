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

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/indices.hpp"
#include "kernels/pooling/narrow_rows.hpp"
#include "kernels/pooling/output.hpp"
#include "kernels/rows.hpp"

namespace rowpool::kernels {
namespace {

/// Rows per group. More were measured to gain nothing, and need more registers than there are. Without an fma
/// instruction each product takes dozens of instructions: more than two rows gain nothing either, and take twice as
/// long to compile.
constexpr std::size_t kGroup = Arch::has_fma ? 4 : 2;

/// Columns per block: their sums take 8 KiB of the L1 cache. Wider rows are processed block by block.
constexpr std::size_t kBlockColumns = 2048;

/// A block of columns: [first, first + count).
struct Columns {
    std::size_t first;
    std::size_t count;
    bool are_last;
};

/// The rows of a bag that are added together, and the addresses to prefetch meanwhile.
struct RowGroup {
    std::size_t count;
    const std::byte* row[kGroup];
    const std::byte* later[kGroup];  ///< where to prefetch: the block's first byte in each later row
    float weight[kGroup];
};

/// F is the form in which rows are added up; max takes the plain form.
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

    explicit WideKernel(const PoolArgs& args) noexcept
        : args_(args),
          columns_(stored_columns<C>(args.rows.dim)),
          divides_(is_divided(args.pooling)),
          start_(start_of_sums(args, C::is_coded)),
          narrow_rows_(args.rows) {}

    void pool_bag(std::size_t bag, std::size_t begin, std::size_t end) noexcept {
        begin_ = begin;
        end_ = end;
        out_ = output_row(args_, bag);
        divisor_ = divides_ ? divisor() : 1;
        is_finite_ = true;
        for (std::size_t first = 0; first < columns_; first += kBlockColumns) {
            pool_columns(columns_from(first));
        }
        if constexpr (F::is_scaled) {
            if (!is_finite_) pool_in_plain_form(bag);
        }
    }

    /// The block of columns that begins at `first`. A last block that is narrower than a vector is moved back, because
    /// a load would read past the row: columns that are computed twice have the same results.
    Columns columns_from(std::size_t first) const noexcept {
        const std::size_t left = columns_ - first;
        if (left > kBlockColumns) return {first, kBlockColumns, false};
        if (left < Arch::width && first != 0) return {columns_ - Arch::width, Arch::width, true};
        return {first, left, true};
    }

    void pool_columns(const Columns& columns) noexcept {
        RowGroup group;
        next_ = begin_;
        bias_ = 0;
        if (args_.filters) skip_left_out();
        if (next_ == end_) return write_zeros(columns);
        take(columns, group);
        if (next_ == end_) {
            return visit_count(group, [&]<std::size_t kRows>() { pool_at_once<kRows>(columns, group); });
        }
        visit_count(group, [&]<std::size_t kRows>() { add<kRows>(columns, group, true); });
        while (next_ < end_) {
            take(columns, group);
            visit_count(group, [&]<std::size_t kRows>() { add<kRows>(columns, group, false); });
        }
        finish(columns);
    }

    /// Calls f.operator()<kRows>() with the number of rows in a group.
    template <std::size_t kRows = 1, class Visit>
    static void visit_count(const RowGroup& group, const Visit& f) noexcept {
        if constexpr (kRows < kGroup) {
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
        args_.filters ? take_filtered(columns, group) : take_all(columns, group);
    }

    void take_all(const Columns& columns, RowGroup& group) noexcept {
        const std::size_t left = end_ - next_;
        group.count = left < kGroup ? left : kGroup;
        for (std::size_t r = 0; r < group.count; ++r) {
            const std::size_t position = next_ + r;
            const Later later = later_than(position, columns);
            const std::size_t prefetched = later.position < args_.prefetch_end ? later.position : position;
            group.row[r] = narrow_rows_.place(args_.rows, row_at(position));
            group.later[r] = args_.rows.data + row_at(prefetched) * args_.rows.stride + later.byte;
            group.weight[r] = args_.weights != nullptr ? args_.weights[position] : 1;
        }
        next_ += group.count;
    }

    void take_filtered(const Columns& columns, RowGroup& group) noexcept {
        std::size_t r = 0;
        for (; next_ < end_ && r < kGroup; ++next_) {
            const std::size_t row = filtered_row_at(next_);
            if (row == kNoRow) continue;
            const Later later = later_than(next_, columns);
            const std::size_t prefetched =
                later.position < args_.prefetch_end ? filtered_row_at(later.position) : kNoRow;
            const std::size_t further = later.position + args_.rows.prefetch.distance;
            if (further < args_.prefetch_end) {
                prefetch_remap(args_.rows, element(args_.indices, args_.wide_indices, further));
            }
            group.row[r] = narrow_rows_.place(args_.rows, row);
            group.later[r] =
                args_.rows.data + (prefetched != kNoRow ? prefetched : row) * args_.rows.stride + later.byte;
            group.weight[r] = args_.weights != nullptr ? args_.weights[next_] : 1;
            ++r;
        }
        group.count = r;
        skip_left_out();
    }

    /// Where to prefetch while a row is read: `distance` rows ahead in the order of processing. Past the end of the bag
    /// that is its first rows again, in the next block of columns.
    struct Later {
        std::size_t position;
        std::size_t byte;
    };
    [[gnu::always_inline]] Later later_than(std::size_t position, const Columns& columns) const noexcept {
        const std::size_t later = position + args_.rows.prefetch.distance;
        const std::size_t byte = C::bytes_of(columns.first);
        if (columns.are_last || later < end_) return {later, byte};
        return {later - (end_ - begin_), byte + C::bytes_of(kBlockColumns)};
    }

    /// kRows rows side by side.
    template <std::size_t kRows>
    class GroupRows {
    public:
        [[gnu::always_inline]] GroupRows(WideKernel& kernel, const Columns& columns, const RowGroup& group) noexcept
            : start_(Arch::set(kernel.start_)),
              is_weighted_(kernel.args_.weights != nullptr),
              part_(columns.count < Arch::width ? columns.count : 0) {
            const Rows& rows = kernel.args_.rows;
            const std::size_t codes_at = rows.codes_at + C::bytes_of(columns.first);
#pragma GCC unroll 4
            for (std::size_t r = 0; r < kRows; ++r) {
                codes_[r] = group.row[r] + codes_at;
                later_[r] = group.later[r];
                factor_[r] = Arch::set(group.weight[r]);
                if constexpr (C::is_coded) {
                    const Qparams q = C::qparams(group.row[r] + rows.qparams_at);
                    factor_[r] = Arch::set(group.weight[r] * q.scale);
                    if constexpr (kIsMax) biases_[r] = Arch::set(q.bias);
                    kernel.bias_ = Arch::fma_scalar(group.weight[r], q.bias, kernel.bias_);
                }
            }
        }

        /// The initial value of sums. For max it is the first row, which add() then compares with itself.
        template <std::size_t kCount>
        [[gnu::always_inline]] void begin(std::size_t column, V (&sums)[kCount]) const noexcept {
#pragma GCC unroll 4
            for (V& sum : sums) sum = start_;
            if constexpr (kIsMax) {
                load(0, column, sums);
                sums[0] = decoded(sums[0], 0);
            }
        }

        template <std::size_t kCount>
        [[gnu::always_inline]] void add(std::size_t column, V (&sums)[kCount]) const noexcept {
#pragma GCC unroll 4
            for (std::size_t r = 0; r < kRows; ++r) {
                V x[kCount];
                load(r, column, x);
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kCount; ++v) sums[v] = combine(sums[v], x[v], r);
            }
        }

        /// Prefetches the lines of later rows at offset `byte` from the block's first byte.
        [[gnu::always_inline]] void prefetch(const Rows& rows, std::size_t byte) const noexcept {
            visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
#pragma GCC unroll 4
                for (std::size_t r = 0; r < kRows; ++r) prefetch_line<kInto>(later_[r] + byte);
            });
        }

    private:
        /// Forms of codecs with exact parts load single vectors as the plain form does.
        template <std::size_t kCount>
        [[gnu::always_inline]] void load(std::size_t r, std::size_t column, V (&x)[kCount]) const noexcept {
            if constexpr (kCount == 1 && C::has_exact_parts) {
                if (part_ != 0) [[unlikely]] {
                    x[0] = C::load_part(codes_[r], part_);
                    return;
                }
            }
            form_.template load<kCount>(codes_[r], column, x);
        }
        [[gnu::always_inline]] V combine(V sum, V x, std::size_t r) const noexcept {
            if constexpr (kIsMax) return Arch::greater_or(decoded(x, r), sum);
            return C::add_product(factor_[r], x, sum, is_weighted_);
        }
        [[gnu::always_inline]] V decoded(V x, std::size_t r) const noexcept {
            if constexpr (!C::is_coded) return x;
            return C::add_product(factor_[r], x, Arch::set(0), false) + biases_[r];
        }

        V start_;
        bool is_weighted_;
        std::size_t part_;  ///< columns of rows narrower than a vector, otherwise 0
        F form_;
        const std::byte* codes_[kRows];
        const std::byte* later_[kRows];
        V factor_[kRows];
        V biases_[kRows];
    };

    /// Adds a group of kRows rows to sums_, or starts sums_ with it. Prefetches later rows line by line.
    template <std::size_t kRows>
    [[gnu::noinline]] void add(const Columns& columns, const RowGroup& group, bool is_first) noexcept {
        const GroupRows<kRows> rows(*this, columns, group);
        for_each_load(columns, rows, [&]<std::size_t kCount>(std::size_t column, std::size_t slot) ROWPOOL_INLINE {
            V sums[kCount];
            std::byte* const place = reinterpret_cast<std::byte*>(sums_ + slot);
            if (is_first) {
                prefetch_results<kCount>(columns.first + column);
                rows.begin(column, sums);
            } else {
                load(place, sums);
            }
            rows.add(column, sums);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kCount; ++v) Arch::store_f32(place + v * sizeof(V), sums[v]);
        });
    }

    /// Prefetches the lines that the results of kCount vectors will be written to. finish() writes nothing but results
    /// and would wait for each line where they are megabytes.
    template <std::size_t kCount>
    [[gnu::always_inline]] void prefetch_results(std::size_t column) const noexcept {
        const std::size_t size = element_bytes(args_.out_type);
        const std::byte* const results = out_ + column * size;
        for (std::size_t byte = 0; byte < kCount * Arch::width * size; byte += 64) prefetch_for_write(results + byte);
    }

    /// Pools a bag that is a single group of kRows rows, without going through sums_.
    template <std::size_t kRows>
    [[gnu::noinline]] void pool_at_once(const Columns& columns, const RowGroup& group) noexcept {
        const GroupRows<kRows> rows(*this, columns, group);
        write(columns, rows, [&]<std::size_t kCount>(std::size_t column, std::size_t, V(&sums)[kCount]) ROWPOOL_INLINE {
            rows.begin(column, sums);
            rows.add(column, sums);
        });
    }

    /// Writes the results from sums_.
    [[gnu::noinline]] void finish(const Columns& columns) noexcept {
        write(columns, NoRows(),
              [&]<std::size_t kCount>(std::size_t, std::size_t slot, V(&sums)[kCount])
                  ROWPOOL_INLINE { load(reinterpret_cast<const std::byte*>(sums_ + slot), sums); });
    }

    /// Stands in for GroupRows where only sums_ is read.
    struct NoRows {
        void prefetch(const Rows&, std::size_t) const noexcept {}
    };

    template <std::size_t kCount>
    [[gnu::always_inline]] static void load(const std::byte* place, V (&sums)[kCount]) noexcept {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kCount; ++v) sums[v] = Arch::load_f32(place + v * sizeof(V));
    }

    /// Calls f.operator()<kCount>(column, slot) for loads of kCount vectors that together cover a block of columns:
    /// first whole cache lines, at the end a vector that is moved back to end with the row. The sums of that vector
    /// have a separate slot.
    template <class Group, class Visit>
    [[gnu::always_inline]] void for_each_load(const Columns& columns, const Group& rows,
                                              const Visit& f) const noexcept {
        constexpr std::size_t kUnit = F::group * Arch::width;
        constexpr std::size_t kLine = 64 / C::bytes_of(8) * 8;  // columns
        constexpr std::size_t kStep = kLine < kUnit ? kUnit : kLine;
        const std::size_t count = columns.count;
        std::size_t c = 0;
        for (; c + kStep <= count; c += kStep) {
            rows.prefetch(args_.rows, C::bytes_of(c));
            for (std::size_t unit = c; unit < c + kStep; unit += kUnit) f.template operator()<F::group>(unit, unit);
        }
        if (c < count) rows.prefetch(args_.rows, C::bytes_of(c));
        if (columns.are_last) rows.prefetch(args_.rows, args_.rows.bytes - C::bytes_of(columns.first) - 1);
        if constexpr (F::group > 1) {
            for (; c + kUnit <= count; c += kUnit) f.template operator()<F::group>(c, c);
        }
        for (; c < count; c += Arch::width) {
            const std::size_t last = count < Arch::width ? 0 : count - Arch::width;
            f.template operator()<1>(c < last ? c : last, c);
        }
    }

    /// Writes the results of a block of columns; get(column, slot, sums) provides the sums.
    template <class Group, class Get>
    [[gnu::always_inline]] void write(const Columns& columns, const Group& rows, const Get& get) noexcept {
        const V bias = Arch::set(bias_), divisor = Arch::set(divisor_);
        const bool divides = divides_, is_zero = divisor_ == 0;
        V non_finite = Arch::set(0);
        const auto divided = [&](V x) ROWPOOL_INLINE {
            return !divides ? x : is_zero ? Arch::set(0) : Arch::divide(x, divisor);
        };
        visit_type(args_.out_type, [&]<OutputType kType>() ROWPOOL_INLINE {
            constexpr std::size_t kBytes = element_bytes(kType);
            const std::size_t left = args_.rows.dim - columns.first;  // to write; a row may have storage for more
            std::byte* const out = out_ + columns.first * kBytes;
            for_each_load(columns, rows, [&]<std::size_t kCount>(std::size_t column, std::size_t slot) ROWPOOL_INLINE {
                V sums[kCount];
                get(column, slot, sums);
                if constexpr (F::template stores_pairs<kType, kCount>) {
                    const V even = Arch::canonical(divided(sums[0])), odd = Arch::canonical(divided(sums[1]));
                    return store_pairs<F>(out + column * kBytes, even, odd);
                }
                F::template reorder<kCount>(sums);
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kCount; ++v) {
                    const V x = divided(with_bias<kCount>(sums[v], bias));
                    if constexpr (F::is_scaled) non_finite = Arch::note_non_finite(non_finite, x);
                    const std::size_t at = column + v * Arch::width;
                    if (at + Arch::width > left) [[unlikely]] {
                        return store_columns(out + at * kBytes, args_.out_type, Arch::canonical(x), left - at);
                    }
                    store<kType>(out + at * kBytes, Arch::canonical(x));
                }
            });
        });
        if constexpr (F::is_scaled) is_finite_ &= !Arch::has_nan(non_finite);
    }

    /// Converts a sum from its form to the plain sum, and adds the bias.
    template <std::size_t kCount>
    [[gnu::always_inline]] static V with_bias(V sum, V bias) noexcept {
        if constexpr (F::is_scaled) return Arch::fma(sum, F::template power<kCount>(), bias);
        return C::is_coded && !kIsMax ? sum + bias : sum;
    }

    /// Writes the results of a bag of which no row is left.
    [[gnu::noinline]] void write_zeros(const Columns& columns) noexcept {
        const std::size_t size = element_bytes(args_.out_type);
        const std::size_t left = args_.rows.dim - columns.first;
        std::memset(out_ + columns.first * size, 0, (left < columns.count ? left : columns.count) * size);
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

    /// Pools a bag with a non-finite result again, in the plain form: its other form may have overflowed where the
    /// plain sum does not.
    [[gnu::noinline, gnu::cold]] void pool_in_plain_form(std::size_t bag) noexcept {
        PoolArgs one = args_;
        one.first_bag = bag;
        one.last_bag = bag + 1;
        one.position = begin_;
        one.end = end_;
        one.prefetch_end = 0;
        WideKernel<kCodec, PlainForm<kCodec>, kIsMax>::run(one);
    }

    const PoolArgs args_;
    const std::size_t columns_;
    const bool divides_;
    const float start_;
    // state of the current bag
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t next_ = 0;  // position of the next index
    std::byte* out_ = nullptr;
    float divisor_ = 1;
    float bias_ = 0;
    bool is_finite_ = true;
    const NarrowRows<C> narrow_rows_;
    alignas(64) float sums_[kBlockColumns + kGroup * Arch::width];
};

}  // namespace
}  // namespace rowpool::kernels
