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

    /// Fewer where blocks are smaller, in sanitized builds: checks multiply the time that the compiler takes.
    static constexpr std::size_t kMostRows = kMaxVectors < kMostAtOnce ? kMaxVectors : kMostAtOnce;

    /// Works on a local copy of the arguments whose address does not escape, so that the compiler knows that stores of
    /// results do not alias them.
    template <OutputType kType>
    [[gnu::noinline]] static void run_to(const PoolArgs& given) noexcept {
        const PoolArgs args = given;
        IndexReader indices(args, args.position);
        EndReader ends(given, args.first_bag);
        const std::size_t step = args.out_stride * element_bytes(kType);
        const std::byte* const end_of_results = output_row(args, args.last_bag);
        for (std::byte* out = output_row(args, args.first_bag); out != end_of_results; out += step) {
            const std::byte* const begin = indices.place();
            const std::byte* const end = ends.end(begin, out + step == end_of_results);
            const std::size_t count = indices.count(begin, end);
            if (count == 0) {
                std::memset(out, 0, args.rows.dim * element_bytes(kType));
            } else if (!pool<kType, kMostRows>(args, count, indices, out)) {
                pool_alone(given, begin, end, out);
            }
            indices.move_to(end);
        }
    }

    /// Pools a bag of at least one row; false if it has more than kRows, or is not regular.
    template <OutputType kType, std::size_t kRows>
    [[gnu::always_inline]] static bool pool(const PoolArgs& args, std::size_t count, const IndexReader& indices,
                                            std::byte* out) noexcept {
        if (count == kRows) return pool_rows<kType, kRows>(args, indices, out);
        if constexpr (kRows > 1) return pool<kType, kRows - 1>(args, count, indices, out);
        return false;
    }

    template <OutputType kType, std::size_t kRows>
    [[gnu::always_inline]] static bool pool_rows(const PoolArgs& args, const IndexReader& indices,
                                                 std::byte* out) noexcept {
        SideBySide<kCodec, FormOfBag<kCodec, kRows, kType>, kRows, C::is_coded> rows(0, kWeighted, 0);
        const bool has_later = indices.has_later(kRows);
        const float* const weights = args.weights + (kWeighted ? indices.position(args) : 0);
        Finish finish = {0, 1, false};
        float magnitude = 0;
#pragma GCC unroll 8
        for (std::size_t r = 0; r < kRows; ++r) {
            const std::byte* const place = args.rows.data + indices.at(r) * args.rows.stride;
            RowAtHand row;
            row.codes = place + args.rows.codes_at;
            // without later rows, any address does
            row.later = args.rows.data + (has_later ? indices.later_at(r) : indices.at(r)) * args.rows.stride;
            row.factor = kWeighted ? weights[r] : 1;
            if constexpr (C::is_coded) {
                const Qparams q = C::qparams(place + args.rows.qparams_at);
                finish.bias = kWeighted ? Arch::fma_scalar(row.factor, q.bias, finish.bias) : finish.bias + q.bias;
                row.factor = kWeighted ? row.factor * q.scale : q.scale;
                magnitude += __builtin_fabsf(row.factor);
            }
            rows.set(r, row);
        }
        if constexpr (C::is_coded) {
            if (!are_regular(magnitude, finish)) return false;
        }
        const std::size_t dim = args.rows.dim;
        const Columns columns = {0, stored_columns<C>(dim), true};
        const std::size_t ahead = args.results_ahead;
        const auto write = [&]<std::size_t kCount>(std::size_t column, std::size_t) ROWPOOL_INLINE {
            Arch::V sums[kCount];
            rows.template add<kCount, true>(column, sums);
            std::byte* const place = out + column * element_bytes(kType);
            if (ahead != 0) prefetch_results(place + ahead, kCount * Arch::width * element_bytes(kType));
            if constexpr (C::pack > 1) {
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
    [[gnu::noinline]] static void pool_alone(const PoolArgs& given, const std::byte* begin, const std::byte* end,
                                             const std::byte* out) noexcept {
        const IndexReader indices(given, 0);
        const std::size_t bag =
            static_cast<std::size_t>(out - output_row(given, 0)) / (given.out_stride * element_bytes(given.out_type));
        const std::size_t position = indices.count(indices.place(), begin), count = indices.count(begin, end);
        const PoolArgs args = one_bag(given, bag, position, position + count);
        count > kMostRows ? WideKernel<kCodec, Form<kCodec>, false>::run(args)
                          : WideKernel<kCodec, PlainForm<kCodec>, false>::run(args);
    }
};

}  // namespace
}  // namespace rowpool::kernels
