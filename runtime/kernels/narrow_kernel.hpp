// The kernels for rows whose sums fit the registers: sum, mean, sqrtn and plain lookup, of indices that have been
// checked.
//
// The sums of a bag stay in registers while its rows go by. The number of vectors is a constant of the code, the last
// one of a row is moved back so that it ends where the row ends: it recomputes columns of the vector before it, with
// the same result, and nothing is read or written past the row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/codecs.hpp"
#include "kernels/forms.hpp"
#include "kernels/indices.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/narrow_rows.hpp"
#include "kernels/output.hpp"
#include "kernels/rows.hpp"
#include "kernels/wide_kernel.hpp"

namespace rowpool::kernels {
namespace {

/// Where kVectors vectors stand in a row of so many columns: one after the other, but what is loaded last ends with the
/// row. 0 vectors are a part of one.
template <class F, std::size_t kVectors>
struct Place {
    static constexpr std::size_t loads = kVectors == 0 ? 1 : kVectors;

    std::size_t columns;

    /// The first column of the load of kCount vectors from v on.
    template <std::size_t v, std::size_t kCount>
    [[gnu::always_inline]] constexpr std::size_t column() const noexcept {
        if (kVectors == 0 || v + kCount < kVectors) return v * Arch::width;
        return columns - kCount * Arch::width;
    }
};

template <Codec kCodec, class F, bool kWeighted, std::size_t kVectors>
class NarrowKernel {
public:
    /// Of the arguments it has a copy that is shown to nobody, so that the compiler knows that writing results does not
    /// change them.
    [[gnu::noinline]] static void run(const PoolArgs& given) noexcept {
        const PoolArgs args = given;
        const F form;
        const Place<F, kVectors> place{stored_columns<C>(args.rows.dim)};
        const V start = Arch::set(start_of_sums(args, C::is_coded));
        const bool divides = args.pooling == Pooling::mean || args.pooling == Pooling::sqrtn;
        const float* weight = args.weights + (kWeighted ? args.position : 0);
        IndexReader indices(args);
        EndReader ends(given);
        NarrowRows<C, 1> narrow_rows(args.rows);
        OutputPrefetch output(args);
        std::size_t begin = args.position;
        for (std::size_t bag = args.first_bag; bag < args.last_bag; ++bag) {
            const std::size_t length = bag + 1 < args.last_bag ? ends.length(begin) : args.end - begin;
            output.next();
            V sums[kSums];
#pragma GCC unroll 16
            for (V& sum : sums) sum = start;
            float bias = 0;
            for (const std::byte* const end = indices.end_of(length); !indices.is_at(end);) {
                if (args.prefetch_end != 0) prefetch_later(args.rows, indices.later());
                const std::size_t row = indices.next();
                const std::byte* const p =
                    kVectors == 0 ? narrow_rows.place(args.rows, row, 0) : args.rows.data + row * args.rows.stride;
                const V factor = Arch::set(factor_of(weight, p + args.rows.qparams_at, bias));
                add<F>(form, p + args.rows.codes_at, place, factor, sums);
                weight += kWeighted ? 1 : 0;
            }
            put_right(sums, bias);
            if (divides) divide(sums, divisor_of(args, weight, length));
            if constexpr (F::is_scaled) {
                if (has_flaw(sums)) {
                    sum_plainly(given, bag, begin, length);
                    begin += length;
                    continue;
                }
            }
            write(args, bag, place, sums);
            begin += length;
        }
    }

private:
    using C = RowCodec<kCodec>;
    using V = Arch::V;
    static constexpr std::size_t kSums = kVectors == 0 ? 1 : kVectors;

    /// Lines from a row's first to its last but one: no further apart than a line, and none past the end of the row, or
    /// by a few bytes.
    static constexpr std::size_t kLines = [] {
        const std::size_t most = C::bytes_of(kSums * Arch::width) + C::qparams_bytes;
        return (most - 1 + 63) / 64;
    }();

    /// Whether and where to prefetch is asked for every row: a branch that is always foreseen costs less than three
    /// copies of the loop, in the instruction cache and when it is compiled.
    [[gnu::always_inline]] static void prefetch_later(const Rows& rows, std::size_t row) noexcept {
        const std::byte* const p = rows.data + row * rows.stride;
        visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
            prefetch_first_lines<kInto, kLines>(p);
            prefetch_line<kInto, -1>(p + rows.bytes);
        });
    }

    /// What the elements of a row are multiplied by; the row's share of the bias goes to `bias`.
    [[gnu::always_inline]] static float factor_of(const float* weight, const std::byte* qparams, float& bias) noexcept {
        if constexpr (!C::is_coded) return kWeighted ? *weight : 1.0f;
        const Qparams q = C::qparams(qparams);
        bias = kWeighted ? Arch::fma_scalar(*weight, q.bias, bias) : bias + q.bias;
        return kWeighted ? *weight * q.scale : q.scale;
    }

    template <class Form>
    [[gnu::always_inline]] static void add(const Form& form, const std::byte* codes, const Place<F, kVectors>& place,
                                           V factor, V (&sums)[kSums]) noexcept {
        for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
            V x[kCount];
            form.template load<kCount>(codes, place.template column<v, kCount>(), x);
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kCount; ++i) {
                V& sum = sums[v + i];
                sum = C::is_coded || kWeighted ? Arch::fma(factor, x[i], sum) : sum + x[i];
            }
        });
    }

    /// From the form to the sum.
    [[gnu::always_inline]] static void put_right(V (&sums)[kSums], float bias) noexcept {
        for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
            F::template reorder<kCount>(sums + v);
#pragma GCC unroll 4
            for (std::size_t i = v; i < v + kCount; ++i) {
                if constexpr (F::is_scaled) {
                    sums[i] = Arch::fma(sums[i], F::template power<kCount>(), Arch::set(bias));
                } else if constexpr (C::is_coded) {
                    sums[i] = sums[i] + Arch::set(bias);
                }
            }
        });
    }

    /// What mean and sqrtn divide by; `weight` is behind those of the bag.
    static float divisor_of(const PoolArgs& args, const float* weight, std::size_t length) noexcept {
        float divisor = static_cast<float>(length);
        if (kWeighted && !args.count_all) {
            divisor = 0;
            for (const float* w = weight - length; w != weight; ++w) {
                divisor = args.pooling == Pooling::sqrtn ? Arch::fma_scalar(*w, *w, divisor) : divisor + *w;
            }
        }
        return args.pooling == Pooling::sqrtn ? __builtin_sqrtf(divisor) : divisor;
    }

    /// Always inline, as all that takes sums: gcc keeps them in memory otherwise.
    [[gnu::always_inline]] static void divide(V (&sums)[kSums], float divisor) noexcept {
        const V divisors = Arch::set(divisor);
#pragma GCC unroll 16
        for (V& sum : sums) sum = divisor == 0 ? Arch::set(0) : Arch::divide(sum, divisors);
    }

    /// Whether one of the results is not finite.
    [[gnu::always_inline]] static bool has_flaw(const V (&sums)[kSums]) noexcept {
        V flaw = Arch::set(0);
#pragma GCC unroll 16
        for (const V& sum : sums) flaw = Arch::note_flaw(flaw, sum);
        return Arch::has_nan(flaw);
    }

    /// A bag that has a result that is not finite, once more: in a form that cannot have overflowed by itself.
    [[gnu::noinline, gnu::cold]] static void sum_plainly(PoolArgs args, std::size_t bag, std::size_t begin,
                                                         std::size_t length) noexcept {
        args.first_bag = bag;
        args.last_bag = bag + 1;
        args.position = begin;
        args.end = begin + length;
        args.prefetch_end = 0;
        WideKernel<kCodec, PlainForm<kCodec>, false>::run(args);
    }

    /// Stores whole vectors, and of the last one what the output has room for.
    [[gnu::always_inline]] static void write(const PoolArgs& args, std::size_t bag, const Place<F, kVectors>& place,
                                             const V (&sums)[kSums]) noexcept {
        std::byte* const row = output_row(args, bag);
        const bool is_whole = kVectors != 0 && place.columns == args.rows.dim;
        visit_store(args.out_type, [&]<std::size_t kBytes>(const auto& store) ROWPOOL_INLINE {
            for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
                const std::size_t column = place.template column<v, kCount>();
#pragma GCC unroll 4
                for (std::size_t i = 0; i < kCount; ++i) {
                    if (v + i + 1 == kSums && !is_whole) continue;
                    store(row + (column + i * Arch::width) * kBytes, canonical(sums[v + i]));
                }
            });
        });
        if (is_whole) return;
        const std::size_t column = kVectors == 0 ? 0 : place.columns - Arch::width;
        store_columns(row + column * element_bytes(args.out_type), args.out_type, canonical(sums[kSums - 1]),
                      args.rows.dim - column);
    }

    /// Where flaws are looked for there is no NaN left.
    [[gnu::always_inline]] static V canonical(V x) noexcept { return F::is_scaled ? x : Arch::canonical(x); }
};

/// Calls f.operator()<n>(), n from 0 to kMost.
template <std::size_t kMost, class F>
inline void visit_number(std::size_t n, const F& f) noexcept {
    if constexpr (kMost > 0) {
        if (n < kMost) return visit_number<kMost - 1>(n, f);
    }
    f.template operator()<kMost>();
}

/// Narrow rows. A form has to be put right once a bag, which pays for bags of several rows, and its last load needs
/// columns to be moved back over.
template <Codec kCodec, bool kWeighted>
void sum_narrow(const PoolArgs& args) noexcept {
    constexpr std::size_t kSeveral = 4;
    const std::size_t columns = stored_columns<RowCodec<kCodec>>(args.rows.dim);
    const std::size_t vectors = columns < Arch::width ? 0 : (columns + Arch::width - 1) / Arch::width;
    const bool has_several = args.end - args.position >= kSeveral * (args.last_bag - args.first_bag);
    visit_number<kMaxVectors>(vectors, [&]<std::size_t kVectors>() {
        using F = Form<kCodec>;
        if constexpr (!F::is_plain && kVectors > 0) {
            const bool fits = columns >= next_load<F>(kVectors) * Arch::width;
            if (has_several && fits) return NarrowKernel<kCodec, F, kWeighted, kVectors>::run(args);
        }
        NarrowKernel<kCodec, PlainForm<kCodec>, kWeighted, kVectors>::run(args);
    });
}

}  // namespace
}  // namespace rowpool::kernels
