// The kernel for bags of one row each, plain lookup among them: rows of any number of columns are decoded, or copied.
//
// What it costs is the writing of results, so it writes nothing else: sums stay in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/codecs.hpp"
#include "kernels/indices.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/narrow_rows.hpp"
#include "kernels/output.hpp"

namespace rowpool::kernels {
namespace {

template <Codec kCodec>
class SingleKernel {
public:
    static void run(const PoolArgs& given) noexcept {
        visit_store(given.out_type, [&]<std::size_t kBytes>(const auto& store) { pool<kBytes>(given, store); });
    }

private:
    using C = RowCodec<kCodec>;
    using V = Arch::V;

    /// Of the arguments it has a copy that is shown to nobody, so that the compiler knows that writing results does not
    /// change them.
    template <std::size_t kBytes, class Store>
    [[gnu::always_inline]] static void pool(const PoolArgs& given, const Store& store) noexcept {
        const PoolArgs args = given;
        const V start = Arch::set(start_of_sums(args, C::is_coded));
        const std::size_t columns = stored_columns<C>(args.rows.dim);
        const std::size_t last = columns < Arch::width ? 0 : columns - Arch::width;  // where the last vector begins
        IndexReader indices(args, args.position);
        NarrowRows<C, 1> narrow_rows(args.rows);
        OutputPrefetch output(args);
        std::byte* out = output_row(args, args.first_bag);
        for (std::size_t i = args.position; i < args.end; ++i) {
            if (args.prefetch_end != 0) prefetch_row(args.rows, indices.later());
            output.next();
            const std::byte* const row = narrow_rows.place(args.rows, indices.next(), 0);
            const std::byte* const codes = row + args.rows.codes_at;
            const float weight = args.weights != nullptr ? args.weights[i] : 1.0f;
            V factor = Arch::set(weight), bias = Arch::set(0);
            if constexpr (C::is_coded) {
                const Qparams q = C::qparams(row + args.rows.qparams_at);
                factor = Arch::set(weight * q.scale);
                bias = Arch::set(Arch::fma_scalar(weight, q.bias, 0));
            }
            const auto result = [&](std::size_t column) ROWPOOL_INLINE {
                const V sum = Arch::fma(factor, C::load(codes, column), start);
                return Arch::canonical(C::is_coded ? sum + bias : sum);
            };
            for (std::size_t column = 0; column < last; column += Arch::width)
                store(out + column * kBytes, result(column));
            if (last + Arch::width == args.rows.dim) {
                store(out + last * kBytes, result(last));
            } else {
                store_columns(out + last * kBytes, args.out_type, result(last), args.rows.dim - last);
            }
            out += args.out_stride * kBytes;
        }
    }
};

}  // namespace
}  // namespace rowpool::kernels
