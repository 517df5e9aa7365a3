// A few rows that are read side by side, from their first column to their last.
//
// The columns of four vectors, or of one, are decoded and added up, row by row, before the next ones are. So only their
// sums are in registers, and rows may have any number of columns. Lines of later rows are prefetched at the rate at
// which lines of these are consumed, so that there are never more outstanding misses than the core has line-fill
// buffers.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/output.hpp"
#include "kernels/rows.hpp"

namespace rowpool::kernels {
namespace {

/// A block of columns: [first, first + count).
struct Columns {
    std::size_t first;
    std::size_t count;
    std::size_t whole;  ///< of them, from the first on, those that may be visited four vectors at a time
    bool are_last;
};

/// One of the rows, and what is prefetched while it is read.
struct RowAtHand {
    const std::byte* codes;  ///< the block's first code
    const std::byte* later;  ///< the first byte of a later row that is prefetched meanwhile
    float factor;            ///< the row's scale, or 1, times its weight if there are weights
    float bias;              ///< for max
};

/// What becomes of the sums of a bag.
struct Finish {
    float bias;
    float divisor;
    bool divides;
};

/// Whether sums of codes cannot overflow or become NaN, whatever the form that they are added up in. `magnitude` is the
/// sum of the absolute values of the rows' factors. It is rounded as the sums are, in the same order, so that its
/// product with the largest number that a lane can hold bounds each of them. A NaN is not below any bound.
constexpr bool are_regular(float magnitude, const Finish& finish) noexcept {
    constexpr float kMost = 0x1p95f;  // codes are below 2 to the power of 32 in the lanes of every form
    return magnitude < kMost && (finish.bias - finish.bias) + (finish.divisor - finish.divisor) == 0;
}

/// Columns of four vectors, or of a cache line if that has more: lines of later rows are prefetched for so many.
template <class C>
inline constexpr std::size_t kColumnsOfStep = 64 / C::bytes_of(8) * 8 < 4 * Arch::width ? 4 * Arch::width
                                                                                        : 64 / C::bytes_of(8) * 8;

/// F is the form in which the rows are added up; max takes the plain form. `kIsRegular` says that results need not be
/// made canonical.
template <Codec kCodec, class F, std::size_t kRows, bool kIsRegular, bool kIsMax = false>
class SideBySide {
    using C = RowCodec<kCodec>;
    using V = Arch::V;

public:
    /// Rows narrower than a vector are `part` columns wide; for others, `part` is 0.
    [[gnu::always_inline]] SideBySide(float start, bool is_weighted, std::size_t part) noexcept
        : start_(Arch::set(start)), is_weighted_(is_weighted), part_(part) {}

    [[gnu::always_inline]] void set(std::size_t r, const RowAtHand& row) noexcept {
        codes_[r] = row.codes;
        set_later(r, row.later);
        factor_[r] = Arch::set(row.factor);
        if constexpr (C::is_coded && kIsMax) biases_[r] = Arch::set(row.bias);
    }

    [[gnu::always_inline]] void set_later(std::size_t r, const std::byte* later) noexcept { later_[r] = later; }

    /// Calls f.operator()<kCount>(column, slot) for the vectors of a block of columns: four at a time, or one; the last
    /// one is moved back to end with the row, but has a slot of its own. Prefetches the later rows of `rows`.
    template <class Visit>
    [[gnu::always_inline]] void visit_columns(const Rows& rows, const Columns& columns, bool prefetches,
                                              const Visit& f) const noexcept {
        constexpr std::size_t kMany = 4, kLoad = kMany * Arch::width;
        constexpr std::size_t kLine = 64 / C::bytes_of(8) * 8;  // columns
        constexpr std::size_t kStep = kColumnsOfStep<C>;
        const std::size_t count = columns.count;
        std::size_t c = 0;
        for (; c + kLoad <= columns.whole; c += kLoad) {
            if (prefetches && c % kStep == 0) {
#pragma GCC unroll 4
                for (std::size_t more = 0; more < kStep; more += kLine) prefetch(rows, C::bytes_of(c + more));
            }
            f.template operator()<kMany>(c, c);
        }
        if (prefetches) {
            if (c < count) prefetch(rows, C::bytes_of(c));
            if (columns.are_last) prefetch(rows, rows.bytes - C::bytes_of(columns.first) - 1);
        }
        const std::size_t last = count < Arch::width ? 0 : count - Arch::width;
        for (; c < count; c += Arch::width) f.template operator()<1>(c < last ? c : last, c);
    }

    /// Adds the rows to the sums of kCount vectors from `column` on, or starts the sums.
    template <std::size_t kCount, bool kIsFirst>
    [[gnu::always_inline]] void add(std::size_t column, V (&sums)[kCount]) const noexcept {
        constexpr std::size_t kUnit = F::group < kCount ? F::group : kCount;
        const bool adds = !C::is_coded && !is_weighted_;
#pragma GCC unroll 8
        for (std::size_t r = 0; r < kRows; ++r) {
            const std::byte* const codes = codes_[r] + C::bytes_of(column);
#pragma GCC unroll 4
            for (std::size_t unit = 0; unit < kCount; unit += kUnit) {
                V x[kUnit];
                load<kUnit>(codes, unit * Arch::width, x);
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kUnit; ++v) {
                    V& sum = sums[unit + v];
                    if constexpr (kIsMax) {
                        const V value = decoded(x[v], r);
                        sum = kIsFirst && r == 0 ? value : Arch::greater_or(value, sum);
                    } else {
                        const V before = kIsFirst && r == 0 ? start_ : sum;
                        sum = adds ? before + x[v] : C::add_product(factor_[r], x[v], before, is_weighted_);
                    }
                }
            }
        }
    }

    /// Writes the results of kCount vectors.
    template <OutputType kType, std::size_t kCount>
    [[gnu::always_inline]] static void write(std::byte* out, const Finish& finish, V (&sums)[kCount]) noexcept {
        constexpr std::size_t kUnit = F::group < kCount ? F::group : kCount;
        constexpr bool kArePairs = F::template stores_pairs<kType, kUnit>;
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kCount; v += kUnit) {
            if constexpr (!kArePairs) F::template reorder<kUnit>(sums + v);
        }
        if constexpr (C::is_coded && !kIsMax) {
            const V bias = Arch::set(finish.bias);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kCount; ++v) {
                sums[v] = F::is_scaled ? Arch::fma(sums[v], F::template power<kUnit>(), bias) : sums[v] + bias;
            }
        }
        if (finish.divides) {
            const V divisor = Arch::set(finish.divisor);
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kCount; ++v) sums[v] = Arch::divide(sums[v], divisor);
        }
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kCount; v += kArePairs ? 2 : 1) {
            std::byte* const place = out + v * Arch::width * element_bytes(kType);
            if constexpr (kArePairs) {
                store_pairs<F>(place, sums[v], sums[v + 1]);
            } else {
                kIsRegular ? store<kType>(place, sums[v]) : store_canonical<kCodec, kType>(place, sums[v]);
            }
        }
    }

private:
    [[gnu::always_inline]] void prefetch(const Rows& rows, std::size_t byte) const noexcept {
        visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
#pragma GCC unroll 8
            for (std::size_t r = 0; r < kRows; ++r) prefetch_line_at<kInto>(later_[r], byte);
        });
    }

    /// Forms of codecs with exact parts load single vectors as the plain form does.
    template <std::size_t kCount>
    [[gnu::always_inline]] void load(const std::byte* codes, std::size_t column, V (&x)[kCount]) const noexcept {
        if constexpr (kCount == 1 && C::has_exact_parts) {
            if (part_ != 0) [[unlikely]] {
                x[0] = C::load_part(codes, part_);
                return;
            }
        }
        form_.template load<kCount>(codes, column, x);
    }
    [[gnu::always_inline]] V decoded(V x, std::size_t r) const noexcept {
        if constexpr (!C::is_coded) return x;
        return C::add_product(factor_[r], x, Arch::set(0), false) + biases_[r];
    }

    V start_;
    bool is_weighted_;
    std::size_t part_;
    F form_;
    const std::byte* codes_[kRows];
    const std::byte* later_[kRows];
    V factor_[kRows];
    V biases_[kRows];
};

}  // namespace
}  // namespace rowpool::kernels
