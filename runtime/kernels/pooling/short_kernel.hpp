// The kernel for short bags, of a few rows each, in calls that are_short() accepts.
//
// The rows of a bag are read side by side and their sums are written at once, so that what a bag costs beside its rows
// is done once, not for each block of columns. A call may have other bags, too: those go to the kernel for any call.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/indices.hpp"
#include "kernels/pooling/output.hpp"
#include "kernels/pooling/side_by_side.hpp"
#include "kernels/pooling/wide_kernel.hpp"

namespace rowpool::kernels {
namespace {

template <Codec kCodec, bool kWeighted>
class ShortKernel {
public:
    static void run(const PoolArgs& args) noexcept {
        if (args.out_type == OutputType::f32) return run_to<OutputType::f32>(args);
        if constexpr (own_type(kCodec) != OutputType::f32) run_to<own_type(kCodec)>(args);
    }

private:
    using C = RowCodec<kCodec>;

    static constexpr std::size_t kMost = most_side_by_side(C::bytes_of(kMaxVectors * Arch::width));
    /// Fewer where blocks are smaller, in sanitized builds: checks multiply the time that the compiler takes.
    static constexpr std::size_t kMostRows = kMaxVectors < kMost ? kMaxVectors : kMost;

    /// Reads the bags of a call, one by one.
    template <OutputType kType>
    class BagReader {
    public:
        explicit BagReader(const PoolArgs& args) noexcept
            : indices_(args, args.position),
              ends_(args, args.first_bag),
              step_(args.out_stride * element_bytes(kType)),
              out_(output_row(args, args.first_bag)),
              last_(output_row(args, args.last_bag)) {
            if (has_bag()) read_end();
        }

        bool has_bag() const noexcept { return out_ != last_; }
        /// Of the bag at hand: its number of rows, whether it has so many, its indices, and where its result goes.
        std::size_t count() const noexcept { return indices_.count(indices_.place(), end_); }
        [[gnu::always_inline]] bool has(std::size_t rows) const noexcept { return indices_.place_of(rows) == end_; }
        const IndexReader& indices() const noexcept { return indices_; }
        std::byte* out() const noexcept { return out_; }

        [[gnu::always_inline]] void advance() noexcept {
            indices_.move_to(end_);
            out_ += step_;
            if (has_bag()) read_end();
        }

    private:
        [[gnu::always_inline]] void read_end() noexcept { end_ = ends_.end(indices_.place(), out_ + step_ == last_); }

        IndexReader indices_;
        EndReader ends_;
        std::size_t step_;
        std::byte* out_;
        const std::byte* last_;  ///< one past the last bag's result
        const std::byte* end_;   ///< one past the indices of the bag at hand
    };

    template <OutputType kType>
    static void run_to(const PoolArgs& args) noexcept {
        for (BagReader<kType> bags(args); bags.has_bag();) pool_bags<kType, kMostRows>(args, bags.count(), bags);
    }

    /// Pools the bag at hand, of `count` rows, and further ones if they have as many.
    template <OutputType kType, std::size_t kRows>
    [[gnu::always_inline]] static void pool_bags(const PoolArgs& args, std::size_t count,
                                                 BagReader<kType>& bags) noexcept {
        if (count == kRows) return pool_equal<kType, kRows>(args, bags);
        if constexpr (kRows > 0) {
            if (count < kRows) return pool_bags<kType, kRows - 1>(args, count, bags);
        }
        pool_alone(args, bags);
        bags.advance();
    }

    /// Pools bags of kRows rows as long as there is no other. Works on local copies whose addresses do not escape, so
    /// that the compiler knows that stores of results do not alias them. To stay in one loop, with few variables, is
    /// much of what makes short bags fast.
    template <OutputType kType, std::size_t kRows>
    [[gnu::noinline]] static void pool_equal(const PoolArgs& given, BagReader<kType>& bags) noexcept {
        const PoolArgs args = given;
        BagReader<kType> own = bags;
        const float* weights = args.weights + (kWeighted ? own.indices().position(args) : 0);
        // (A sum of one row divided by 1 is what it was.)
        const Finish finish = {0, divisor_of(args.pooling, kRows), !kWeighted && kRows > 1 && is_divided(args.pooling)};
        do {
            if constexpr (kRows == 0) {
                std::memset(own.out(), 0, args.rows.dim * element_bytes(kType));
            } else if (!pool_rows<kType, kRows>(args, own.indices(), weights, finish, own.out())) {
                pool_alone(given, own);
            }
            own.advance();
            weights += kWeighted ? kRows : 0;
        } while (own.has_bag() && own.has(kRows));
        bags = own;
    }

    /// What the sums of so many rows are divided by: those with weights are not (are_short()).
    static float divisor_of(Pooling pooling, std::size_t rows) noexcept {
        const auto length = static_cast<float>(rows);
        return pooling == Pooling::sqrtn ? __builtin_sqrtf(length) : length;
    }

    /// Pools a bag, whose bias `finish` does not have yet; false if it is not regular.
    template <OutputType kType, std::size_t kRows>
    [[gnu::always_inline]] static bool pool_rows(const PoolArgs& args, const IndexReader& indices, const float* weights,
                                                 Finish finish, std::byte* out) noexcept {
        SideBySide<kCodec, FormOfBag<kCodec, kRows, kType>, kRows, C::is_coded> rows(0, kWeighted || C::adds_by_fma, 0);
        const bool has_later = indices.has_later(kRows);
        float magnitude = 0;
        const float one = hidden_one();
#pragma GCC unroll 8
        for (std::size_t r = 0; r < kRows; ++r) {
            const std::byte* const place = args.rows.data + indices.at(r) * args.rows.stride;
            RowAtHand row;
            row.codes = place + C::codes_at(args.rows);
            row.later = place;  // unless there are later rows
            row.factor = kWeighted ? weights[r] : one;
            if constexpr (C::is_coded) {
                const Qparams q = C::qparams(place + C::qparams_at(args.rows));
                finish.bias = kWeighted ? Arch::fma_scalar(row.factor, q.bias, finish.bias) : finish.bias + q.bias;
                row.factor = kWeighted ? row.factor * q.scale : q.scale;
                magnitude += __builtin_fabsf(row.factor);
            }
            rows.set(r, row);
        }
        if constexpr (C::is_coded) {
            if (!are_regular(magnitude, finish)) return false;
        }
        if (has_later) {
#pragma GCC unroll 8
            for (std::size_t r = 0; r < kRows; ++r) {
                rows.set_later(r, args.rows.data + indices.later_at(r) * args.rows.stride);
            }
        }
        const std::size_t dim = args.rows.dim;
        const Columns columns = {0, stored_columns<C>(dim), dim, true};
        const std::size_t ahead = args.results_ahead;
        const auto write = [&]<std::size_t kCount>(std::size_t column, std::size_t) ROWPOOL_INLINE {
            Arch::V sums[kCount];
            rows.template add<kCount, true>(column, sums);
            std::byte* const place = out + column * element_bytes(kType);
            if (ahead != 0) prefetch_results(place + ahead, kCount * Arch::width * element_bytes(kType));
            if constexpr (C::pack > 1 && kCount == 1) {
                if (column + kCount * Arch::width > dim) [[unlikely]] {  // a row has storage for more
                    std::byte whole[sizeof sums];
                    rows.template write<kType>(whole, finish, sums);
                    std::memcpy(place, whole, (dim - column) * element_bytes(kType));
                    return;
                }
            }
            rows.template write<kType>(place, finish, sums);
        };
        rows.visit_columns(args.rows, columns, has_later, write);
        return true;
    }

    /// Pools a bag of many rows, or one that is not regular, carefully.
    template <OutputType kType>
    [[gnu::noinline]] static void pool_alone(const PoolArgs& given, const BagReader<kType> bags) noexcept {
        const std::size_t bag =
            static_cast<std::size_t>(bags.out() - output_row(given, 0)) / (given.out_stride * element_bytes(kType));
        const std::size_t position = bags.indices().position(given);
        const PoolArgs args = one_bag(given, bag, position, position + bags.count());
        bags.count() > kMostRows ? WideKernel<kCodec, Form<kCodec>, false>::run(args)
                                 : WideKernel<kCodec, PlainForm<kCodec>, false>::run(args);
    }
};

}  // namespace
}  // namespace rowpool::kernels
