// The kernel for bags of one row each, such as plain lookups: decodes or copies rows of any number of columns.
//
// Its time goes into writing results, so it writes nothing else: sums stay in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/half.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/indices.hpp"
#include "kernels/pooling/narrow_rows.hpp"
#include "kernels/pooling/output.hpp"
#include "kernels/pooling/wide_kernel.hpp"
#include "kernels/rows.hpp"

namespace rowpool::kernels {
namespace {

/// A row without a weight, with equal half-precision types in and out: a copy that makes NaNs canonical and, because a
/// sum begins with 0, -0 to 0 unless it is a plain lookup. A call converts kColumns columns.
template <Codec kCodec, std::size_t kColumns>
class HalfCopy {
    using Halves __attribute__((vector_size(kColumns * sizeof(std::int16_t)))) = std::int16_t;

public:
    static constexpr bool is_weighted = false;
    static constexpr std::size_t columns = kColumns;
    static constexpr std::int16_t infinity = kCodec == Codec::f16 ? 0x7c00 : 0x7f80;
    static constexpr std::int16_t nan = kCodec == Codec::f16 ? kNanF16 : kNanBF16;

    HalfCopy(const PoolArgs& args, const std::byte*, const float*) noexcept
        : made_zero_(args.pooling == Pooling::none ? Halves{} : Halves{} + kMinusZero) {}

    [[gnu::always_inline]] Halves operator()(const std::byte* codes, std::size_t column) const noexcept {
        Halves x;
        std::memcpy(&x, codes + column * sizeof(std::int16_t), sizeof x);
        x = x == made_zero_ ? Halves{} : x;
        return (x & 0x7fff) > infinity ? Halves{} + nan : x;
    }
    static void store(std::byte* out, Halves x) noexcept { std::memcpy(out, &x, sizeof x); }

private:
    static constexpr std::int16_t kMinusZero = -32768;

    Halves made_zero_;
};

/// Any other lookup: a sum of one row, with NaNs of any kind, which store() makes canonical.
template <Codec kCodec, bool kWeighted>
class Decoding {
public:
    static constexpr bool is_weighted = kWeighted;

    [[gnu::always_inline]] Decoding(const PoolArgs& args, const std::byte* qparams, const float* weight) noexcept
        : start_(Arch::set(start_of_sums(args, C::is_coded))), factor_(Arch::set(hidden_one())), bias_(Arch::set(0)) {
        if constexpr (C::is_coded) {
            q_ = weighted_qparams(qparams, weight);
            factor_ = Arch::set(q_.scale);
            bias_ = Arch::set(q_.bias);
        } else if constexpr (kWeighted) {
            factor_ = Arch::set(*weight);
        }
    }
    /// Whether a coded row has no NaNs: its factor and bias are finite. Infinities need no care.
    [[gnu::always_inline]] bool is_regular(const std::byte* qparams) const noexcept {
        if constexpr (C::has_short_qparams && !kWeighted) return C::has_finite_qparams(qparams);
        const float zero = (q_.scale - q_.scale) + (q_.bias - q_.bias);
        return zero == zero;
    }

    [[gnu::always_inline]] Arch::V operator()(const std::byte* codes, std::size_t column) const noexcept {
        return sum_of(C::load(codes, column));
    }
    /// The columns of a row that is narrower than a vector.
    [[gnu::always_inline]] Arch::V part(const std::byte* codes, std::size_t columns) const noexcept {
        return sum_of(C::load_part(codes, columns));
    }

private:
    using C = RowCodec<kCodec>;

    [[gnu::always_inline]] static Qparams weighted_qparams(const std::byte* qparams, const float* weight) noexcept {
        const Qparams q = C::qparams(qparams);
        if (!kWeighted) return {q.scale, q.bias + 0};  // -0 becomes 0
        return {*weight * q.scale, Arch::fma_scalar(*weight, q.bias, 0)};
    }

    [[gnu::always_inline]] Arch::V sum_of(Arch::V x) const noexcept {
        if constexpr (!C::is_coded && !kWeighted && !C::adds_by_fma) return start_ + x;
        // The product of a scale in f16 and a code is exact, and the bias is not -0, so that adding it at once gives
        // what adding it to a sum that began with 0 does.
        if constexpr (C::has_short_qparams && !kWeighted) {
            return C::add_product(factor_, x, bias_, kWeighted);
        }
        const Arch::V sum = C::add_product(factor_, x, start_, kWeighted);
        return C::is_coded ? sum + bias_ : sum;
    }

    Arch::V start_;
    Arch::V factor_;
    Arch::V bias_;
    Qparams q_ = {};  // the same two
};

/// Rows decoded into f32, f16 or bf16.
template <Codec kCodec, bool kWeighted, OutputType kType>
struct DecodedRow : Decoding<kCodec, kWeighted> {
    using Decoding<kCodec, kWeighted>::Decoding;

    static constexpr std::size_t columns = Arch::width;

    static void store(std::byte* out, Arch::V x) noexcept { store_canonical<kCodec, kType>(out, x); }
    /// Of regular rows, which have no NaNs.
    static void store_regular(std::byte* out, Arch::V x) noexcept { kernels::store<kType>(out, x); }
};

/// Weighted rows, two vectors at a time, because it is faster to store them as a pair.
template <Codec kCodec>
class WeightedPairs {
public:
    static constexpr bool is_weighted = true;
    static constexpr std::size_t columns = 2 * Arch::width;

    struct Pair {
        Arch::V x[2];
    };

    [[gnu::always_inline]] WeightedPairs(const PoolArgs& args, const std::byte*, const float* weight) noexcept
        : start_(Arch::set(start_of_sums(args, false))), factor_(Arch::set(*weight)) {}

    [[gnu::always_inline]] Pair operator()(const std::byte* codes, std::size_t column) const noexcept {
        Pair pair;
        for_each_load<Form<kCodec>, 2>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
            form_.template load<kCount>(codes, column + v * Arch::width, pair.x + v);
        });
        for (Arch::V& x : pair.x) x = Arch::fma(factor_, x, start_);
        return pair;
    }
    static void store(std::byte* out, const Pair& pair) noexcept {
        Form<kCodec>::store_pairs(out, pair.x[0], pair.x[1]);
    }

private:
    Form<kCodec> form_;
    Arch::V start_;
    Arch::V factor_;
};

template <Codec kCodec>
class SingleKernel {
public:
    static void run(const PoolArgs& args) noexcept {
        visit_type(args.out_type, [&]<OutputType kType>() { run_to<kType>(args); });
    }

private:
    using C = RowCodec<kCodec>;

    /// Rows of codes of up to kMostUnrolled vectors are decoded into floats without a loop over them, by kernels for
    /// one number of vectors up to kMostExact, for four numbers each above it.
    static constexpr std::size_t kMostExact = 8;
    static constexpr std::size_t kMostUnrolled = !Arch::has_fma ? 0 : kMaxVectors < kMostExact ? kMaxVectors : 16;

    template <OutputType kType>
    static void run_to(const PoolArgs& args) noexcept {
        constexpr bool kIsCopy =
            (kCodec == Codec::f16 && kType == OutputType::f16) || (kCodec == Codec::bf16 && kType == OutputType::bf16);
        constexpr std::size_t kBytes = element_bytes(kType);
        using Decoded = DecodedRow<kCodec, false, kType>;
        using Weighted = DecodedRow<kCodec, true, kType>;
        const std::size_t columns = stored_columns<C>(args.rows.dim);
        if (columns < Arch::width) {
            return visit_part<C>(columns, [&]<std::size_t kPart>() {
                args.weights != nullptr ? pool_narrow<kBytes, Weighted, kPart>(args)
                                        : pool_narrow<kBytes, Decoded, kPart>(args);
            });
        }
        if constexpr (C::is_coded) {
            args.weights != nullptr ? pool_codes<kType, Weighted>(args) : pool_codes<kType, Decoded>(args);
        } else {
            if constexpr (Form<kCodec>::template stores_pairs<kType, 2>) {
                using Pairs = WeightedPairs<kCodec>;
                if (args.weights != nullptr && args.rows.dim >= Pairs::columns) return pool_floats<kBytes, Pairs>(args);
            }
            if (args.weights != nullptr) return pool_floats<kBytes, Weighted>(args);
            if constexpr (kIsCopy) {
                constexpr std::size_t kMany = 2 * Arch::width;
                args.rows.dim >= kMany ? pool_floats<kBytes, HalfCopy<kCodec, kMany>>(args)
                                       : pool_floats<kBytes, HalfCopy<kCodec, Arch::width>>(args);
            } else {
                pool_floats<kBytes, Decoded>(args);
            }
        }
    }

    /// The weight of a call's first index; null for rows that have none.
    template <class Row>
    static const float* first_weight(const PoolArgs& args) noexcept {
        return Row::is_weighted ? args.weights + args.position : nullptr;
    }

    /// The most lines of a row of floats or halves that are best prefetched at once. (Those of near halves, with a
    /// small L1: measured on Zen 4, where AVX2 gains nothing; others: Zen 5.)
    static std::size_t most_lines_at_once(const PoolArgs& args) noexcept {
        if constexpr (C::bits == 32) return 4;
        const bool are_near = args.has_small_l1 && args.rows.prefetch.into == Prefetch::Into::first_level;
        return Arch::width == 16 && are_near ? 12 : 3;
    }

    /// Works on a local copy of the arguments whose address does not escape, so that the compiler knows that stores of
    /// results do not alias them; so do all others. Wide rows are read by lines: see write_lines().
    template <std::size_t kBytes, class Row, bool kAreWide = false>
    [[gnu::noinline]] static void pool_floats(const PoolArgs& given) noexcept {
        static_assert(!C::is_coded);
        if constexpr (!kAreWide) {
            if (given.rows.lines > most_lines_at_once(given)) return pool_floats<kBytes, Row, true>(given);
        }
        const PoolArgs args = given;
        const std::size_t last = args.rows.dim - Row::columns;  // first column of the last vector
        IndexReader indices(args, args.position);
        const std::byte* const end = indices.place_of(args.end - args.position);
        const float* weight = first_weight<Row>(args);
        std::byte* out = output_row(args, args.first_bag);
        for (; indices.place() != end; out += args.out_stride * kBytes, weight += Row::is_weighted ? 1 : 0) {
            const bool has_later = indices.has_later();
            const std::size_t later = has_later ? indices.later() : 0;
            if (!kAreWide && has_later) prefetch_row(args.rows, later);
            const std::byte* const place = args.rows.data + indices.next() * args.rows.stride;
            const Row row(args, nullptr, weight);
            std::size_t column = 0;
            if constexpr (kAreWide) {
                if (has_later) {
                    column = write_lines<kBytes>(args.rows, row, place, last, out, later, args.results_ahead);
                }
            }
            for (; column < last; column += Row::columns) {
                if (args.results_ahead != 0) prefetch_for_write(out + column * kBytes + args.results_ahead);
                Row::store(out + column * kBytes, row(place, column));
            }
            Row::store(out + last * kBytes, row(place, last));
        }
    }

    /// Rows of codes of at least a vector.
    template <OutputType kType, class Row>
    static void pool_codes(const PoolArgs& args) noexcept {
        if constexpr (kType == OutputType::f32 && kMostUnrolled != 0) {
            if (args.rows.dim <= kMostUnrolled * Arch::width) return visit_unrolled<Row>(args);
        }
        pool_many_codes<element_bytes(kType), Row>(args);
    }

    /// Calls pool_unrolled() for the rows' number of vectors, at least kVectors.
    template <class Row, std::size_t kVectors = 1>
    static void visit_unrolled(const PoolArgs& args) noexcept {
        constexpr std::size_t kNext = kVectors < kMostExact ? kVectors + 1 : kVectors + 4;
        if constexpr (kNext <= kMostUnrolled) {
            if (args.rows.dim > kVectors * Arch::width) return visit_unrolled<Row, kNext>(args);
        }
        pool_unrolled<Row, kVectors>(args);
    }

    /// Rows of kVectors vectors, or up to three fewer if they are more than kMostExact, decoded into f32.
    template <class Row, std::size_t kVectors>
    [[gnu::noinline]] static void pool_unrolled(const PoolArgs& given) noexcept {
        // To check a row costs as much as to make one vector canonical, with f32 parameters two, or three of AVX2.
        constexpr bool kIsChecked = kVectors >= (C::has_short_qparams ? 2 : Arch::width == 16 ? 3 : 4);
        constexpr bool kIsExact = kVectors <= kMostExact;
        constexpr std::size_t kLeast = kIsExact ? kVectors : kVectors - 4;
        constexpr std::size_t kMost = C::bytes_of(kVectors * Arch::width) + C::qparams_bytes;
        const PoolArgs args = given;
        const std::size_t last = stored_columns<C>(args.rows.dim) - Arch::width;  // first column of the last vector
        IndexReader indices(args, args.position);
        const std::byte* const end = indices.place_of(args.end - args.position);
        const std::byte* const whole_end = indices.place_of(whole_results(args, args.first_bag, last + Arch::width));
        const float* weight = first_weight<Row>(args);
        std::byte* out = output_row(args, args.first_bag);
        for (; indices.place() != end; out += args.out_stride * sizeof(float), weight += Row::is_weighted ? 1 : 0) {
            if (indices.has_later()) {
                const std::size_t later = indices.later();
                visit_into(args.rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
                    kIsExact ? prefetch_most<kInto, kMost>(args.rows.data + later * args.rows.stride, args.rows.bytes)
                             : prefetch_row<kInto>(args.rows, later);
                });
            }
            if (args.results_ahead != 0) prefetch_results(out + args.results_ahead, kVectors * sizeof(Arch::V));
            const std::byte* const place = args.rows.data + indices.next() * args.rows.stride;
            const std::byte* const codes = place + C::codes_at(args.rows);
            const std::byte* const qparams = place + C::qparams_at(args.rows);
            const Row row(args, qparams, weight);
            if constexpr (kIsChecked) {
                if (!row.is_regular(qparams)) [[unlikely]] {
                    pool_carefully(given, indices.position(given) - 1);
                    continue;
                }
            }
            const auto write = [&](std::size_t column) ROWPOOL_INLINE {
                const Arch::V x = row(codes, column);
                std::byte* const to = out + column * sizeof(float);
                kIsChecked ? Row::store_regular(to, x) : Row::store(to, x);
            };
#pragma GCC unroll 16
            for (std::size_t v = 0; v + 1 < kVectors; ++v) {
                if (v < kLeast || v * Arch::width < last) write(v * Arch::width);
            }
            if (C::pack > 1 && indices.place() > whole_end) {
                const Arch::V x = row(codes, last);
                store_columns(out + last * sizeof(float), OutputType::f32, kIsChecked ? x : Arch::canonical(x),
                              args.rows.dim - last);
                continue;
            }
            write(last);
        }
    }

    /// Rows of codes of any number of vectors, decoded four at a time.
    template <std::size_t kBytes, class Row>
    [[gnu::noinline]] static void pool_many_codes(const PoolArgs& given) noexcept {
        constexpr std::size_t kMany = 4;
        const PoolArgs args = given;
        const std::size_t last = stored_columns<C>(args.rows.dim) - Arch::width;  // first column of the last vector
        const bool is_whole = last + Arch::width == args.rows.dim;
        const std::size_t many_end = is_whole ? args.rows.dim : last;  // column
        IndexReader indices(args, args.position);
        const std::byte* const end = indices.place_of(args.end - args.position);
        const std::byte* const whole_end = indices.place_of(whole_results(args, args.first_bag, last + Arch::width));
        const float* weight = first_weight<Row>(args);
        std::byte* out = output_row(args, args.first_bag);
        for (; indices.place() != end; out += args.out_stride * kBytes, weight += Row::is_weighted ? 1 : 0) {
            if (indices.has_later()) prefetch_row(args.rows, indices.later());
            const std::byte* const place = args.rows.data + indices.next() * args.rows.stride;
            const std::byte* const codes = place + C::codes_at(args.rows);
            const std::byte* const qparams = place + C::qparams_at(args.rows);
            const Row row(args, qparams, weight);
            if (!row.is_regular(qparams)) [[unlikely]] {
                pool_carefully(given, indices.position(given) - 1);
                continue;
            }
            std::size_t column = 0;
            for (; column + kMany * Arch::width <= many_end; column += kMany * Arch::width) {
                std::byte* const to = out + column * kBytes;
                const std::byte* const from = codes + C::bytes_of(column);
                if (args.results_ahead != 0) prefetch_results(to + args.results_ahead, kMany * Arch::width * kBytes);
                Arch::V sums[kMany];  // all are loaded before one is stored
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kMany; ++v) sums[v] = row(from, v * Arch::width);
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kMany; ++v) Row::store_regular(to + v * Arch::width * kBytes, sums[v]);
            }
            if (column == args.rows.dim) continue;
            for (; column < last; column += Arch::width) {
                if (args.results_ahead != 0) prefetch_for_write(out + column * kBytes + args.results_ahead);
                Row::store_regular(out + column * kBytes, row(codes, column));
            }
            const Arch::V x = row(codes, last);
            if (C::pack == 1 || indices.place() <= whole_end) {
                Row::store_regular(out + last * kBytes, x);
            } else {
                store_columns(out + last * kBytes, args.out_type, x, args.rows.dim - last);
            }
        }
    }

    /// Pools the row of index i, whose result may have NaNs.
    [[gnu::noinline, gnu::cold]] static void pool_carefully(const PoolArgs& given, std::size_t i) noexcept {
        const std::size_t bag = given.first_bag + (i - given.position);
        WideKernel<kCodec, PlainForm<kCodec>, false>::run(one_bag(given, bag, i, i + 1));
    }

    /// Writes the columns before `last` that fill cache lines of a row, and prefetches the row `later` at the same
    /// rate: prefetches of many lines at once hold up the stores. (Codes have few lines for their results.) Returns the
    /// first column that is left.
    template <std::size_t kBytes, class Row>
    [[gnu::always_inline]] static std::size_t write_lines(const Rows& rows, const Row& row, const std::byte* codes,
                                                          std::size_t last, std::byte* out, std::size_t later,
                                                          std::size_t results_ahead) noexcept {
        constexpr std::size_t kLine = 64 / C::bytes_of(8) * 8;  // columns
        constexpr std::size_t kStep = kLine < Row::columns ? Row::columns : kLine;
        const std::byte* const ahead = rows.data + later * rows.stride;
        std::size_t column = 0;
        visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
            for (; column + kStep <= last; column += kStep) {
                prefetch_line<kInto>(ahead + C::bytes_of(column));
#pragma GCC unroll 8
                for (std::size_t c = column; c < column + kStep; c += Row::columns) {
                    if (results_ahead != 0) prefetch_for_write(out + c * kBytes + results_ahead);
                    Row::store(out + c * kBytes, row(codes, c));
                }
            }
            prefetch_line<kInto>(ahead + C::bytes_of(column));
            if (column + kLine < rows.dim) prefetch_line<kInto, 64>(ahead + C::bytes_of(column));
            prefetch_line<kInto, -1>(ahead + rows.bytes);
        });
        return column;
    }

    /// Rows narrower than a vector.
    template <std::size_t kBytes, class Row, std::size_t kPart>
    [[gnu::noinline]] static void pool_narrow(const PoolArgs& given) noexcept {
        constexpr std::size_t kMostBytes = C::bytes_of(Arch::width) + C::qparams_bytes;
        const PoolArgs args = given;
        const std::size_t columns = stored_columns<C>(args.rows.dim);
        assume_part<C, kPart>(columns);
        IndexReader indices(args, args.position);
        const std::byte* const end = indices.place_of(args.end - args.position);
        const std::byte* const whole_end = indices.place_of(whole_results(args, args.first_bag, Arch::width));
        const NarrowRows<C> narrow_rows(given.rows);
        const float* weight = first_weight<Row>(args);
        std::byte* out = output_row(args, args.first_bag);
        for (; indices.place() != end; out += args.out_stride * kBytes, weight += Row::is_weighted ? 1 : 0) {
            if (indices.has_later()) {
                const std::byte* const later = args.rows.data + indices.later() * args.rows.stride;
                prefetch_most<Prefetch::Into::first_level, kMostBytes>(later, args.rows.bytes);
            }
            const std::byte* const place = narrow_rows.place(args.rows, indices.next());
            const Row row(args, place + C::qparams_at(args.rows), weight);
            const Arch::V x = row.part(place + C::codes_at(args.rows), columns);
            if (indices.place() <= whole_end) {
                Row::store(out, x);
            } else {
                store_columns(out, args.out_type, Arch::canonical(x), args.rows.dim);
            }
        }
    }
};

}  // namespace
}  // namespace rowpool::kernels
