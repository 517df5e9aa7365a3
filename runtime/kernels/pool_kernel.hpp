// Pooling kernels: sum, mean and sqrtn in one, max and plain lookup in the other (docs/NUMERICS.md has the formulas).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/bag_cursor.hpp"
#include "kernels/codecs.hpp"
#include "kernels/columns.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Loads vector v of a block, or a whole row that is narrower than one vector.
template <class C, std::size_t kVectors>
inline Arch::V load_vector(const std::byte* codes, const Block& block, std::size_t v, std::size_t columns) noexcept {
    if constexpr (kVectors == 0) return C::load_narrow(codes, columns);
    return C::load(codes, block.column<kVectors>(v));
}

/// Calls f.operator()<kVectors>(Block, prefetch_end) for every block of a row; kVectors is 0 for a row narrower than a
/// vector. Only the first block prefetches.
template <class C, class F>
inline void for_each_row_block(const PoolArgs& args, const F& f) noexcept {
    const std::size_t columns = (args.rows.dim + C::pack - 1) / C::pack * C::pack;
    if (columns < Arch::width) return f.template operator()<0>(Block{0, 0}, columns, args.prefetch_end);
    for_each_block(columns, [&]<std::size_t kVectors>(const Block& block) {
        f.template operator()<kVectors>(block, columns, block.first == 0 ? args.prefetch_end : 0);
    });
}

template <Codec kCodec, class Index, bool kWeighted, bool kFiltered>
struct SumKernel {
    using C = RowCodec<kCodec>;
    using V = Arch::V;

    static void run(const PoolArgs& args) noexcept {
        for_each_bag(args, [&](const Bag& bag) {
            const float divisor = args.pooling == Pooling::sum ? 1.0f : divisor_of(args, bag);
            for_each_row_block<C>(
                args, [&]<std::size_t kVectors>(const Block& block, std::size_t columns, std::size_t prefetch_end) {
                    sum_columns<kVectors>(args, bag, block, columns, prefetch_end, divisor);
                });
        });
    }

private:
    /// What mean and sqrtn divide by; 0 when nothing was taken.
    static float divisor_of(const PoolArgs& args, const Bag& bag) noexcept {
        float total = static_cast<float>(bag.end - bag.begin);
        if ((kWeighted || kFiltered) && !args.count_all) total = total_taken(args, bag);
        return args.pooling == Pooling::sqrtn ? __builtin_sqrtf(total) : total;
    }

    static float total_taken(const PoolArgs& args, const Bag& bag) noexcept {
        std::size_t count = 0;
        float weights = 0;
        for_each_row<Index, kFiltered>(args, bag, 0, [&](std::size_t i, std::size_t) {
            ++count;
            if constexpr (kWeighted) {
                const float w = args.weights[i];
                weights = args.pooling == Pooling::sqrtn ? Arch::fma_scalar(w, w, weights) : weights + w;
            }
        });
        return kWeighted ? weights : static_cast<float>(count);
    }

    /// One block of columns of one bag: the sums stay in registers while the rows go by.
    template <std::size_t kVectors>
    static void sum_columns(const PoolArgs& args, const Bag& bag, const Block& block, std::size_t columns,
                            std::size_t prefetch_end, float divisor) noexcept {
        constexpr std::size_t kSums = kVectors == 0 ? 1 : kVectors;
        V sums[kSums];
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kSums; ++v) sums[v] = Arch::set(0);
        // Counted from the block's first column, so that all columns but the last vector's are constants of the loop.
        const std::size_t begin = block.template column<kVectors>(0);
        const std::byte* const codes = args.rows.data + args.rows.codes_at + C::bytes_of(begin);
        const std::byte* const qparams = args.rows.data + args.rows.qparams_at;
        const Block own{0, block.last - begin};
        float bias = 0;
        for_each_row<Index, kFiltered>(args, bag, prefetch_end, [&](std::size_t i, std::size_t row) {
            const V factor = Arch::set(factor_of(args, i, qparams + row, bias));
#pragma GCC unroll 16
            for (std::size_t v = 0; v < kSums; ++v) {
                const V x = load_vector<C, kVectors>(codes + row, own, v, columns);
                sums[v] = C::is_coded || kWeighted ? Arch::fma(factor, x, sums[v]) : sums[v] + x;
            }
        });
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kSums; ++v) {
            if constexpr (C::is_coded) sums[v] = sums[v] + Arch::set(bias);
            if (divisor != 1) sums[v] = divisor == 0 ? Arch::set(0) : Arch::divide(sums[v], Arch::set(divisor));
            sums[v] = Arch::canonical(sums[v]);
        }
        write_block(args, bag.number, block, sums);
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
        for_each_bag(args, [&](const Bag& bag) {
            for_each_row_block<C>(
                args, [&]<std::size_t kVectors>(const Block& block, std::size_t columns, std::size_t prefetch_end) {
                    max_columns<kVectors>(args, bag, block, columns, prefetch_end);
                });
        });
    }

private:
    template <std::size_t kVectors>
    static void max_columns(const PoolArgs& args, const Bag& bag, const Block& block, std::size_t columns,
                            std::size_t prefetch_end) noexcept {
        constexpr std::size_t kLargest = kVectors == 0 ? 1 : kVectors;
        V largest[kLargest];
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kLargest; ++v) largest[v] = Arch::set(0);
        bool is_first = true;
        for_each_row<Index, kFiltered>(args, bag, prefetch_end, [&](std::size_t, std::size_t at) {
            const std::byte* const row = args.rows.data + at;
            const Qparams q = C::is_coded ? C::qparams(row + args.rows.qparams_at) : Qparams{};
#pragma GCC unroll 16
            for (std::size_t v = 0; v < kLargest; ++v) {
                V x = load_vector<C, kVectors>(row + args.rows.codes_at, block, v, columns);
                if constexpr (C::is_coded) x = Arch::fma(Arch::set(q.scale), x, Arch::set(0)) + Arch::set(q.bias);
                largest[v] = is_first ? x : Arch::greater_or(x, largest[v]);
            }
            is_first = false;
        });
#pragma GCC unroll 16
        for (std::size_t v = 0; v < kLargest; ++v) largest[v] = Arch::canonical(largest[v]);
        write_block(args, bag.number, block, largest);
    }
};

}  // namespace
}  // namespace rowpool::kernels
