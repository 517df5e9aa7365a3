// The kernels for calls that filter nothing: sum, mean, sqrtn and plain lookup, with sums in registers.
//
// Columns are processed in blocks of a few vectors, whose sums stay in registers during the loop over the rows of a
// bag. Most rows are one block; blocks.hpp cuts wider ones. The number of vectors is a template parameter. The last
// vector of a row overlaps the one before it, so that it ends where the row ends: the columns in both are computed
// twice, with the same result, and nothing is read past the row, nor written past its result; but for rows narrower
// than a vector and odd numbers of columns of int4 and int2: see NarrowRows and whole_results().
#pragma once

#include <cstddef>

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

/// Consecutive bags of a call, and a block of columns.
struct BagGroup {
    const PoolArgs& args;
    std::size_t first_bag;
    std::size_t position;  ///< first index of the first bag
    std::size_t count = 0;
    std::size_t indices = 0;  ///< of all bags
    std::size_t column = 0;   ///< first column of the block
    std::size_t columns = 0;
    bool is_last_block = true;

    explicit BagGroup(const PoolArgs& call) noexcept : args(call), first_bag(call.first_bag), position(call.position) {}

    /// Extends the block to the left: columns that are computed twice have the same results.
    void move_back(std::size_t more) noexcept {
        column -= more;
        columns += more;
    }

    /// Advances to the next bags, at most `most` of them; false when there are none.
    bool take(std::size_t most) noexcept {
        first_bag += count;
        position += indices;
        const std::size_t left = args.last_bag - first_bag;
        count = left < most ? left : most;
        std::size_t end = count == left ? args.end : position;
        if (count != left) {
            for (std::size_t b = 0; b < count; ++b) end = end_of(args.ends, first_bag + b, end);
        }
        indices = end - position;
        return count != 0;
    }
};

/// The next smaller block size. Blocks have 0 (less than a vector) to 8, 10, 12, 14, ... or 28 vectors.
constexpr std::size_t smaller_block(std::size_t vectors) noexcept { return vectors > 8 ? vectors - 2 : vectors - 1; }

/// Rows that are narrower than a vector have no vectors, but kPart columns (see visit_part()).
template <Codec kCodec, class F, bool kWeighted, std::size_t kVectors, std::size_t kPart = 0>
class BlockKernel {
public:
    /// Works on a local copy of the arguments whose address does not escape, so that the compiler knows that stores of
    /// results do not alias them.
    [[gnu::noinline]] static void run(const BagGroup& group) noexcept {
        const PoolArgs args = group.args;
        const Codes block(group);
        const F form;
        const bool into_first_level = args.rows.prefetch.into == Prefetch::Into::first_level;
        const bool reads_end_first = kReadsEndFirst && !into_first_level && args.prefetch_end != 0;
        const std::size_t soon = args.rows.prefetch.distance < kSoon ? args.rows.prefetch.distance : kSoon;
        const V start = Arch::set(start_of_sums(args, C::is_coded));
        const V one = Arch::set(hidden_one());
        const bool divides = is_divided(args.pooling);
        const bool are_results_afar = args.results_ahead != 0 && group.indices >= kLongBag * group.count;
        const float* weight = args.weights + (kWeighted ? group.position : 0);
        const std::size_t columns = group.columns;
        if constexpr (kVectors == 0) assume_part<C, kPart>(columns);
        const std::size_t to_write = group.is_last_block ? args.rows.dim - group.column : columns;
        const Results results(group, to_write);
        IndexReader indices(args, group.position);
        EndReader ends(group.args, group.first_bag);
        const NarrowRows<C, kMayReadPast> narrow_rows(group.args.rows);
        for (std::byte* out = results.first; out != results.end; out += results.step) {
            const std::byte* const begin = indices.place();
            const std::byte* const end = ends.end(begin, out == results.last_of_call);
            if constexpr (kPrefetchesResults) {
                if (are_results_afar) [[unlikely]]
                    prefetch_results(out, to_write * element_bytes(args.out_type));
            }
            V sums[kSums];
#pragma GCC unroll 32
            for (V& sum : sums) sum = start;
            float bias = 0;
            while (__builtin_expect(indices.place() != end, true)) {
                if (indices.has_later()) [[likely]] {
                    block.prefetch(into_first_level, indices.later());
                    if constexpr (kComesInSteps) {
                        if (!into_first_level) block.prefetch_beginning(indices.at(soon));
                    }
                }
                const std::size_t row = indices.next();
                const std::byte* const codes =
                    kMayReadPast ? narrow_rows.place(args.rows, row) + C::codes_at(args.rows) : block.of(row);
                if constexpr (kReadsEndFirst) {
                    if (reads_end_first) [[unlikely]] {
                        read(codes + block.end - 1);
                    }
                }
                const V factor = kHasFactors ? Arch::set(factor_of(weight, codes + block.qparams_at, bias)) : one;
                add(form, codes, columns, factor, sums);
                weight += kWeighted ? 1 : 0;
            }
            finish_sums(sums, bias);
            if constexpr (kHasShortcut) {
                if (out < results.plain_end) {
                    write_as<own_type(kCodec)>(out, columns, sums);
                    continue;
                }
            }
            if (divides) divide(sums, divisor_of(args, weight, indices.count(begin)));
            if constexpr (F::is_scaled) {
                if (has_non_finite(sums)) {
                    sum_in_plain_form(group, results.bag(out), indices.position(args), indices.count(begin));
                    continue;
                }
            }
            kAreAlwaysWhole || out < results.whole_end ? write(out, args.out_type, columns, sums)
                                                       : write_part(out, args.out_type, columns, to_write, sums);
        }
    }

private:
    using C = RowCodec<kCodec>;
    using V = Arch::V;
    static constexpr std::size_t kSums = kVectors == 0 ? 1 : kVectors;
    static constexpr bool kHasFactors = C::is_coded || kWeighted;
    /// Sums of few vectors wait for one another, and an fma takes a cycle longer than an addition. Pairs of bf16 leave
    /// the largest blocks no register for the 1. (Measured on Zen 5.)
    static constexpr bool kAddsByFma =
        C::adds_by_fma && (kCodec == Codec::f16 ? kVectors >= 3 : kVectors >= 8 && kVectors + 2 <= kMaxVectors);
    /// Whether results are undivided and of the usual type, as they almost always are, is asked in one branch: in short
    /// bags of a few vectors, one for each of these questions takes a tenth of the instructions. (bf16 gains nothing.)
    static constexpr bool kHasShortcut = kVectors <= 4 && !F::is_scaled && kCodec != Codec::bf16;
    static constexpr bool kMayReadPast = kVectors == 0 && !C::has_exact_parts;
    /// Whether all results have as many columns as the vectors. Rows may have codes of less than a byte for more.
    static constexpr bool kAreAlwaysWhole = kVectors != 0 && C::pack == 1;

    static constexpr bool kHasManyLines = C::bytes_of(kSums * Arch::width) > 128;

    /// L1 misses on ascending lines make the hardware prefetcher fetch the lines after a row, which nobody needs. So
    /// the last byte of a block of float rows is read first, when rows have several lines and were prefetched into L2.
    /// Coded rows do so anyway: their scale comes last and is read first.
    static constexpr bool kReadsEndFirst = !C::is_coded && kHasManyLines;

    /// Whether the first two lines of rows that were prefetched into L2 are prefetched again, kSoon rows ahead, into
    /// L1: the hardware then brings the others from L2. Narrower rows pass too fast to gain. (Measured on Zen 4.)
    static constexpr bool kComesInSteps = C::is_coded ? kVectors * Arch::width > 64 + Arch::width : kHasManyLines;
    static constexpr std::size_t kSoon = 12;

    /// Whether the lines of a bag's results are prefetched before its rows are read, where L3 does not keep them and
    /// bags have kLongBag rows or more in the mean: the stores of many vectors at once would wait for one another. For
    /// shorter bags, for fewer vectors, and for int4 (and so int2), it gains nothing. (Measured on Zen 4.)
    static constexpr bool kPrefetchesResults = kVectors >= 14 && !are_parts_of_bytes(kCodec);
    static constexpr std::size_t kLongBag = 8;

    [[gnu::always_inline]] static void read(const std::byte* p) noexcept {
        static_cast<void>(*static_cast<const volatile std::byte*>(p));
    }

    /// Where the results of a group's block are written, from bag to bag.
    struct Results {
        std::size_t step;  ///< bytes
        std::byte* first;
        std::byte* end;
        std::byte* whole_end;     ///< those before it are written as whole vectors
        std::byte* plain_end;     ///< the same, if they are undivided and of the usual type
        std::byte* last_of_call;  ///< of the call's last bag

        Results(const BagGroup& group, std::size_t to_write) noexcept {
            const PoolArgs& args = group.args;
            step = args.out_stride * element_bytes(args.out_type);
            first = output_row(args, group.first_bag) + group.column * element_bytes(args.out_type);
            end = first + group.count * step;
            const bool is_only_block = group.is_last_block && group.column == 0;
            const std::size_t written = kVectors == 0 ? Arch::width : group.columns;
            const std::size_t whole = kAreAlwaysWhole || written == to_write ? group.count
                                      : is_only_block ? whole_results(args, group.first_bag, written)
                                                      : 0;
            whole_end = first + whole * step;
            plain_end = args.out_type == own_type(kCodec) && !is_divided(args.pooling) ? whole_end : first;
            last_of_call = first + (args.last_bag - 1 - group.first_bag) * step;
        }
        /// The bag of the group whose result is at `out`.
        std::size_t bag(const std::byte* out) const noexcept { return static_cast<std::size_t>(out - first) / step; }
    };

    /// The position of a block's codes in the rows of a table.
    struct Codes {
        const std::byte* data;  ///< the block's codes in row 0
        std::size_t stride;
        std::size_t end;  ///< bytes from a block's codes to their end, or to the end of the row for the last block
        std::ptrdiff_t qparams_at;  ///< bytes from a block's codes to the row's scale
        bool are_followed;          ///< the hardware brings lines that follow a prefetched one (least_run_for())
        static constexpr std::size_t kMost = C::bytes_of(kSums * Arch::width) + C::qparams_bytes;  ///< bytes
        /// Whether the hardware fetches the lines of near rows that follow two prefetched ones in time: on AVX2, where
        /// a line takes several instructions, so that to prefetch them, too, would only take time. (Measured on Zen 4
        /// and Zen 5; the other formats gain nothing. From afar, and on Sapphire Rapids, it is too late.)
        static constexpr bool kHasFollowers =
            Arch::width == 8 && (kCodec == Codec::f32 || kCodec == Codec::f16) && kMost > 128;

        explicit Codes(const BagGroup& group) noexcept {
            const Rows& rows = group.args.rows;
            const std::size_t codes_at = C::codes_at(rows) + C::bytes_of(group.column);
            data = rows.data + codes_at;
            stride = rows.stride;
            end = group.is_last_block ? rows.bytes - codes_at : C::bytes_of(group.columns);
            qparams_at = static_cast<std::ptrdiff_t>(C::qparams_at(rows)) - static_cast<std::ptrdiff_t>(codes_at);
            are_followed = group.args.least_run == 0;
        }

        [[gnu::always_inline]] const std::byte* of(std::size_t row) const noexcept { return data + row * stride; }

        /// The branch stays inside the loop: it is always predicted, and costs less than two copies of the loop would
        /// in the instruction cache and in compile time. Rows narrower than a vector do without: L1 has room for them.
        [[gnu::always_inline]] void prefetch(bool into_first_level, std::size_t row) const noexcept {
            if (kVectors == 0 || into_first_level) [[likely]] {
                prefetch_lines<Prefetch::Into::first_level>(of(row));
            } else {
                prefetch_lines<Prefetch::Into::second_level>(of(row));
            }
        }

        [[gnu::always_inline]] void prefetch_beginning(std::size_t row) const noexcept {
            prefetch_first_lines<Prefetch::Into::first_level, 2>(of(row));
        }

        template <Prefetch::Into kInto>
        [[gnu::always_inline]] void prefetch_lines(const std::byte* codes) const noexcept {
            // A block of a wide row: its scale and bias may lie outside the block. block_columns() makes at most twice
            // as many blocks as needed, so that all but the last have more than a quarter of the most vectors.
            constexpr bool kMayBePart = C::is_coded && kVectors > kMaxVectors / 4;
            if constexpr (kHasFollowers && kInto == Prefetch::Into::first_level) {
                if (are_followed) return prefetch_first_lines<kInto, 2>(codes);
            }
            prefetch_most<kInto, kMost>(codes, end);
            if constexpr (kMayBePart) prefetch_line<kInto>(codes + qparams_at);
        }
    };

    /// The factor of a row's elements; adds the row's bias, times its weight, to `bias`.
    [[gnu::always_inline]] static float factor_of(const float* weight, const std::byte* qparams, float& bias) noexcept {
        if constexpr (!C::is_coded) return *weight;
        const Qparams q = C::qparams(qparams);
        bias = kWeighted ? Arch::fma_scalar(*weight, q.bias, bias) : bias + q.bias;
        return kWeighted ? *weight * q.scale : q.scale;
    }

    /// The first column of the load of vectors [v, v + kCount). A load that would reach past the block is moved back to
    /// end with it, and so is always the last one: columns that two loads share are added twice, into different sums
    /// with equal results. Example: a row of 9.5 vectors takes the kernel of 10, whose last vector begins at 8.5.
    /// Up to the next smaller block size every vector is there.
    template <std::size_t v, std::size_t kCount>
    [[gnu::always_inline]] static std::size_t column_of(std::size_t columns) noexcept {
        if (kVectors == 0 || v + kCount <= smaller_block(kVectors)) return v * Arch::width;
        const std::size_t last = columns - kCount * Arch::width;
        return v + kCount == kVectors || last < v * Arch::width ? last : v * Arch::width;
    }

    [[gnu::always_inline]] static void add(const F& form, const std::byte* codes, std::size_t columns, V factor,
                                           V (&sums)[kSums]) noexcept {
        for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
            V x[kCount];
            if constexpr (kVectors == 0) {
                x[0] = C::load_part(codes, columns);
            } else {
                form.template load<kCount>(codes, column_of<v, kCount>(columns), x);
            }
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kCount; ++i) {
                V& sum = sums[v + i];
                sum = kHasFactors || kAddsByFma ? C::add_product(factor, x[i], sum, kWeighted) : sum + x[i];
            }
        });
    }

    /// Converts the sums of codes from their form to column order, and adds the bias. Those of floats stay as they are
    /// until they are written, perhaps in pairs.
    [[gnu::always_inline]] static void finish_sums(V (&sums)[kSums], float bias) noexcept {
        if constexpr (C::is_coded) {
            for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
                F::template reorder<kCount>(sums + v);
#pragma GCC unroll 4
                for (std::size_t i = v; i < v + kCount; ++i) {
                    sums[i] = F::is_scaled ? Arch::fma(sums[i], F::template power<kCount>(), Arch::set(bias))
                                           : sums[i] + Arch::set(bias);
                }
            });
        }
    }

    /// The divisor of mean and sqrtn; `weight` points one past the weights of the bag.
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

    /// Always inline, like everything that takes sums: otherwise gcc keeps them in memory.
    [[gnu::always_inline]] static void divide(V (&sums)[kSums], float divisor) noexcept {
        const V divisors = Arch::set(divisor);
#pragma GCC unroll 32
        for (V& sum : sums) sum = divisor == 0 ? Arch::set(0) : Arch::divide(sum, divisors);
    }

    /// Whether one of the results is non-finite.
    [[gnu::always_inline]] static bool has_non_finite(const V (&sums)[kSums]) noexcept {
        V non_finite = Arch::set(0);
#pragma GCC unroll 32
        for (const V& sum : sums) non_finite = Arch::note_non_finite(non_finite, sum);
        return Arch::has_nan(non_finite);
    }

    /// Pools the group's bag b, which has a non-finite result and ends before index `end`, again in the plain form: its
    /// other form may have overflowed where the plain sum does not.
    [[gnu::noinline, gnu::cold]] static void sum_in_plain_form(const BagGroup& group, std::size_t b, std::size_t end,
                                                               std::size_t length) noexcept {
        const PoolArgs args = one_bag(group.args, group.first_bag + b, end - length, end);
        WideKernel<kCodec, PlainForm<kCodec>, false>::run(args);
    }

    [[gnu::always_inline]] static void write(std::byte* out, OutputType type, std::size_t columns,
                                             const V (&sums)[kSums]) noexcept {
        visit_type(type, [&]<OutputType kType>() ROWPOOL_INLINE { write_as<kType>(out, columns, sums); });
    }

    template <OutputType kType>
    [[gnu::always_inline]] static void write_as(std::byte* out, std::size_t columns, const V (&sums)[kSums]) noexcept {
        for_each_load<F, kSums>([&]<std::size_t v, std::size_t kCount>() ROWPOOL_INLINE {
            std::byte* const place = out + column_of<v, kCount>(columns) * element_bytes(kType);
            if constexpr (F::template stores_pairs<kType, kCount>) {
                store_pairs<F>(place, sums[v], sums[v + 1]);
            } else {
                V x[kCount];
#pragma GCC unroll 4
                for (std::size_t i = 0; i < kCount; ++i) x[i] = sums[v + i];
                if constexpr (!C::is_coded) F::template reorder<kCount>(x);
#pragma GCC unroll 4
                for (std::size_t i = 0; i < kCount; ++i) {
                    std::byte* const to = place + i * Arch::width * element_bytes(kType);
                    // scaled forms have no NaN left here: has_non_finite() has caught it
                    F::is_scaled ? store<kType>(to, x[i]) : store_canonical<kCodec, kType>(to, x[i]);
                }
            }
        });
    }

    /// Writes fewer columns than the vectors have, by way of a buffer: this keeps branches out of the loop over bags.
    [[gnu::always_inline]] static void write_part(std::byte* out, OutputType type, std::size_t columns,
                                                  std::size_t to_write, const V (&sums)[kSums]) noexcept {
        if constexpr (kVectors == 0) return store_columns(out, type, Arch::canonical(sums[0]), to_write);
        alignas(64) std::byte buffer[kSums * sizeof(V)];
        write(buffer, OutputType::f32, columns, sums);
        store_rounded(out, type, buffer, to_write);
    }
};

}  // namespace
}  // namespace rowpool::kernels
