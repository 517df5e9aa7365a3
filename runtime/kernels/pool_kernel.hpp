// Pooling kernels: sum, mean and sqrtn in one, max and plain lookup in the other (docs/NUMERICS.md has the formulas).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/addends.hpp"
#include "kernels/bag_cursor.hpp"
#include "kernels/codecs.hpp"
#include "kernels/columns.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// The size of the parts of at most `most`, not 0, that `whole` is evenly cut into; at least 1. So are bursts cut from
/// a bag, as the next bag begins anew.
inline std::size_t even_part(std::size_t whole, std::size_t most) noexcept {
    const std::size_t parts = (whole + most - 1) / most;
    return parts == 0 ? 1 : (whole + parts - 1) / parts;
}

/// Runs f.operator()<kVectors>(PoolArgs, Block, columns) over all bags and columns of a call; kVectors is 0 for rows
/// narrower than a vector. One block that holds a whole row takes all bags in one call; the blocks of wider rows take
/// turns at each bag, while its rows are in the cache, and only the first of them prefetches.
template <class C, bool kFew, class F>
inline void for_each_block_of_bags(const PoolArgs& args, const F& f) noexcept {
    const std::size_t columns = (args.rows.dim + C::pack - 1) / C::pack * C::pack;
    if (columns < Arch::width) return f.template operator()<0>(args, Block{0, 0}, columns);
    if (is_one_block<kFew>(columns)) {
        return for_each_block<kFew>(columns, [&]<std::size_t kVectors>(const Block& block) {
            f.template operator()<kVectors>(args, block, columns);
        });
    }
    for_each_bag(args, [&](const Bag& bag) {
        PoolArgs one = args;
        one.first_bag = bag.number;
        one.last_bag = bag.number + 1;
        one.position = bag.begin;
        if (args.rows.burst > 0) one.rows.burst = even_part(bag.end - bag.begin, args.rows.burst);
        for_each_block<kFew>(columns, [&]<std::size_t kVectors>(const Block& block) {
            f.template operator()<kVectors>(one, block, columns);
            one.prefetch_end = 0;
        });
    });
}

/// Loads vectors [v, v + kCount) of a block in the form of A, or a whole row that is narrower than one vector.
template <class C, class A, std::size_t kVectors, std::size_t kCount>
[[gnu::always_inline]] inline void load_vectors(const A& addend, const std::byte* codes, const Block& block,
                                                std::size_t v, std::size_t columns, Arch::V* x) noexcept {
    if constexpr (kVectors > 0) return addend.template load<kCount>(codes, block.column<kVectors>(v), x);
    std::byte row[Arch::width * sizeof(float)] = {};
    std::memcpy(row, codes, C::bytes_of(columns));
    addend.template load<1>(row, 0, x);
}

/// Cache lines that rows have at least whose blocks have so many vectors, the last of them whole or with one column of
/// its own.
template <class C, std::size_t kVectors, bool kIsWhole>
constexpr std::size_t least_lines() noexcept {
    if (kVectors == 0) return 1;
    const std::size_t last = kIsWhole ? Arch::width : C::pack;
    return (C::bytes_of((kVectors - 1) * Arch::width + last) + C::qparams_bytes + 63) / 64;
}

template <Codec kCodec, class Index, bool kWeighted, bool kFiltered>
struct SumKernel {
    using C = RowCodec<kCodec>;
    using V = Arch::V;

    static void run(const PoolArgs& args) noexcept {
        for_each_block_of_bags<C, kWeighted || kFiltered>(
            args, []<std::size_t kVectors>(const PoolArgs& bags, const Block& block, std::size_t columns) {
                constexpr bool kCanGroup = kVectors > 1 && Addend<kCodec>::most > 1;
                if (kCanGroup && block.is_whole<kVectors>()) return sum_bags<kVectors, kVectors>(bags, block, columns);
                sum_bags<kVectors, kVectors == 0 ? 0 : kVectors - 1>(bags, block, columns);
            });
    }

private:
    /// One block of columns of all bags; the first kWhole of its vectors surely begin where the one before them ends.
    /// Of the arguments it has a copy that is shown to nobody, so that the compiler knows that writing results does not
    /// change them.
    template <std::size_t kVectors, std::size_t kWhole>
    [[gnu::noinline]] static void sum_bags(const PoolArgs& given, Block block, std::size_t columns) noexcept {
        const PoolArgs args = given;
        using A = Addend<kCodec>;
        const A addend;
        const bool divides = args.pooling != Pooling::sum;
        const bool is_strided = args.out_stride != args.rows.dim;
        Ahead<Index, kFiltered, least_lines<C, kVectors, kWhole == kVectors>()> ahead(args);
        for_each_bag(args, [&](const Bag& bag) ROWPOOL_INLINE {
            if (is_strided) prefetch_output<kVectors>(args, bag.number, block);
            const float divisor = divides ? divisor_of(args, bag) : 1.0f;
            constexpr std::size_t kSums = kVectors == 0 ? 1 : kVectors;
            V sums[kSums];
            const float bias = add_rows<kVectors, kWhole>(addend, args, bag, ahead, block, columns, sums);
            for_each_load<A, kSums, kWhole>([&]<std::size_t kFirst, std::size_t kCount>() ROWPOOL_INLINE {
                A::template reorder<kCount>(sums + kFirst);
#pragma GCC unroll 4
                for (std::size_t v = kFirst; v < kFirst + kCount; ++v) sums[v] = add_bias<A, kCount>(sums[v], bias);
            });
            if (divides) divide(sums, divisor);
            if (has_flaw(sums)) return write_plain<kVectors>(given, bag, block, columns, divisor);
            write_block(args, given, bag.number, block, sums);
        });
    }

    /// Adds up one block of columns of one bag: the sums stay in registers while the rows go by. Returns the sum of the
    /// biases.
    template <std::size_t kVectors, std::size_t kWhole, class A, std::size_t kLeast, std::size_t kSums>
    [[gnu::always_inline]] static float add_rows(const A& addend, const PoolArgs& args, const Bag& bag,
                                                 Ahead<Index, kFiltered, kLeast>& ahead, const Block& block,
                                                 std::size_t columns, V (&sums)[kSums]) noexcept {
#pragma GCC unroll 16
        for (V& sum : sums) sum = Arch::set(0);
        // Counted from the block's first column, so that all columns but the last vector's are constants of the loop.
        const std::size_t begin = block.template column<kVectors>(0);
        const std::byte* const codes = args.rows.data + args.rows.codes_at + C::bytes_of(begin);
        const std::byte* const qparams = args.rows.data + args.rows.qparams_at;
        const Block own{0, block.last - begin};
        float bias = 0;
        for_each_row(args, bag, ahead, [&](std::size_t i, std::size_t row) ROWPOOL_INLINE {
            const V factor = Arch::set(factor_of(args, i, qparams + row, bias));
            for_each_load<A, kSums, kWhole>([&]<std::size_t kFirst, std::size_t kCount>() ROWPOOL_INLINE {
                V x[kCount];
                load_vectors<C, A, kVectors, kCount>(addend, codes + row, own, kFirst, columns, x);
#pragma GCC unroll 4
                for (std::size_t v = 0; v < kCount; ++v) {
                    V& sum = sums[kFirst + v];
                    sum = C::is_coded || kWeighted ? Arch::fma(factor, x[v], sum) : sum + x[v];
                }
            });
        });
        return bias;
    }

    /// The sum of a reordered vector and the biases; the product with a power is exact.
    template <class A, std::size_t kCount>
    [[gnu::always_inline]] static V add_bias(V sum, float bias) noexcept {
        if constexpr (A::is_scaled) return Arch::fma(sum, A::template power<kCount>(), Arch::set(bias));
        return C::is_coded ? sum + Arch::set(bias) : sum;
    }

    /// For mean and sqrtn. Always inline, as has_flaw, for the sake of registers: see write_block.
    template <std::size_t kSums>
    [[gnu::always_inline]] static void divide(V (&sums)[kSums], float divisor) noexcept {
        const V divisors = Arch::set(divisor);
#pragma GCC unroll 16
        for (V& sum : sums) sum = divisor == 0 ? Arch::set(0) : Arch::divide(sum, divisors);
    }

    /// Whether one of the results is not finite.
    template <std::size_t kSums>
    [[gnu::always_inline]] static bool has_flaw(const V (&sums)[kSums]) noexcept {
        V flaw = Arch::set(0);
#pragma GCC unroll 16
        for (const V& sum : sums) flaw = Arch::note_flaw(flaw, sum);
        return Arch::has_nan(flaw);
    }

    /// A bag that has a result that is not finite, once more: without addends that may have overflowed, and with the
    /// one NaN.
    template <std::size_t kVectors>
    [[gnu::noinline, gnu::cold]] static void write_plain(PoolArgs args, Bag bag, Block block, std::size_t columns,
                                                         float divisor) noexcept {
        constexpr std::size_t kWidth = kVectors == 0 ? 0 : 1;
        args.prefetch_end = 0;
        Ahead<Index, kFiltered, 1> ahead(args);
        for (std::size_t v = 0; v < (kVectors == 0 ? 1 : kVectors); ++v) {
            const std::size_t column = block.template column<kVectors>(v);
            const Block own{column, column};
            V sum[1];
            const float bias = add_rows<kWidth, 0>(PlainAddend<kCodec>(), args, bag, ahead, own, columns, sum);
            sum[0] = add_bias<PlainAddend<kCodec>, 1>(sum[0], bias);
            if (divisor != 1) divide(sum, divisor);
            sum[0] = Arch::canonical(sum[0]);
            write_block(args, args, bag.number, own, sum);
        }
    }

    /// What mean and sqrtn divide by; 0 when nothing was taken.
    static float divisor_of(const PoolArgs& args, const Bag& bag) noexcept {
        float total = static_cast<float>(bag.end - bag.begin);
        if ((kWeighted || kFiltered) && !args.count_all) total = total_taken(args, bag);
        return args.pooling == Pooling::sqrtn ? __builtin_sqrtf(total) : total;
    }

    static float total_taken(const PoolArgs& args, const Bag& bag) noexcept {
        std::size_t count = 0;
        float weights = 0;
        for_each_row<Index, kFiltered>(args, bag, [&](std::size_t i, std::size_t) ROWPOOL_INLINE {
            ++count;
            if constexpr (kWeighted) {
                const float w = args.weights[i];
                weights = args.pooling == Pooling::sqrtn ? Arch::fma_scalar(w, w, weights) : weights + w;
            }
        });
        return kWeighted ? weights : static_cast<float>(count);
    }

    /// What the elements of a row are multiplied by; the row's share of the bias goes to `bias`.
    static float factor_of(const PoolArgs& args, std::size_t i, const std::byte* qparams, float& bias) noexcept {
        const float weight = kWeighted ? args.weights[i] : 1.0f;
        if constexpr (!C::is_coded) return weight;
        const Qparams q = C::qparams(qparams);
        bias = kWeighted ? Arch::fma_scalar(weight, q.bias, bias) : bias + q.bias;
        return kWeighted ? weight * q.scale : q.scale;
    }
};

template <Codec kCodec, class Index, bool kFiltered>
struct MaxKernel {
    using C = RowCodec<kCodec>;
    using V = Arch::V;

    static void run(const PoolArgs& args) noexcept {
        for_each_block_of_bags<C, true>(
            args, []<std::size_t kVectors>(const PoolArgs& bags, const Block& block, std::size_t columns) {
                max_bags<kVectors>(bags, block, columns);
            });
    }

private:
    template <std::size_t kVectors>
    [[gnu::noinline]] static void max_bags(const PoolArgs& given, Block block, std::size_t columns) noexcept {
        const PoolArgs args = given;
        const bool is_strided = args.out_stride != args.rows.dim;
        Ahead<Index, kFiltered, least_lines<C, kVectors, false>()> ahead(args);
        for_each_bag(args, [&](const Bag& bag) ROWPOOL_INLINE {
            if (is_strided) prefetch_output<kVectors>(args, bag.number, block);
            V largest[kVectors == 0 ? 1 : kVectors];
            find_largest<kVectors>(args, bag, ahead, block, columns, largest);
#pragma GCC unroll 16
            for (V& x : largest) x = Arch::canonical(x);
            write_block(args, given, bag.number, block, largest);
        });
    }

    template <std::size_t kVectors, std::size_t kLeast>
    [[gnu::always_inline]] static void find_largest(const PoolArgs& args, const Bag& bag,
                                                    Ahead<Index, kFiltered, kLeast>& ahead, const Block& block,
                                                    std::size_t columns,
                                                    V (&largest)[kVectors == 0 ? 1 : kVectors]) noexcept {
#pragma GCC unroll 16
        for (V& x : largest) x = Arch::set(0);
        bool is_first = true;
        for_each_row(args, bag, ahead, [&](std::size_t, std::size_t at) ROWPOOL_INLINE {
            const std::byte* const row = args.rows.data + at;
            const Qparams q = C::is_coded ? C::qparams(row + args.rows.qparams_at) : Qparams{};
#pragma GCC unroll 16
            for (std::size_t v = 0; v < sizeof largest / sizeof largest[0]; ++v) {
                V x;
                load_vectors<C, PlainAddend<kCodec>, kVectors, 1>(PlainAddend<kCodec>(), row + args.rows.codes_at,
                                                                  block, v, columns, &x);
                if constexpr (C::is_coded) x = Arch::fma(Arch::set(q.scale), x, Arch::set(0)) + Arch::set(q.bias);
                largest[v] = is_first ? x : Arch::greater_or(x, largest[v]);
            }
            is_first = false;
        });
    }
};

}  // namespace
}  // namespace rowpool::kernels
