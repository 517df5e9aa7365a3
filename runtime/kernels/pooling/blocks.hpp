// How rows are cut into blocks of columns, in which order the blocks of a call are pooled, and by which block kernels.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/block_kernel.hpp"
#include "kernels/pooling/codecs.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/narrow_rows.hpp"

namespace rowpool::kernels {
namespace {

/// The smallest block size of at least `vectors`.
template <std::size_t kSize>
constexpr std::size_t block_size(std::size_t vectors) noexcept {
    if constexpr (kSize > 0) {
        if (vectors <= smaller_block(kSize)) return block_size<smaller_block(kSize)>(vectors);
    }
    return kSize;
}

/// Calls f.operator()<n>() with the smallest block size n of at least `vectors`.
template <std::size_t kSize, class F>
inline void visit_block_size(std::size_t vectors, const F& f) noexcept {
    if constexpr (kSize > 0) {
        if (vectors <= smaller_block(kSize)) return visit_block_size<smaller_block(kSize)>(vectors, f);
    }
    f.template operator()<kSize>();
}

/// Pools one block of columns. Converting from a form costs time once per bag, which pays off for bags of several rows.
/// Moving a form's last load back needs a block that is at least as wide as the load. Large blocks are compiled in
/// their form only, unless its sums take many instructions to convert: they are rare, and plain kernels for them would
/// be half of the code.
template <Codec kCodec, bool kWeighted>
inline void sum_block(const BagGroup& group) noexcept {
    using F = Form<kCodec>;
    using Plain = PlainForm<kCodec>;
    constexpr std::size_t kLarge = 8;
    const std::size_t vectors = group.columns < Arch::width ? 0 : (group.columns + Arch::width - 1) / Arch::width;
    visit_block_size<kMaxRowVectors>(vectors, [&]<std::size_t kVectors>() {
        if constexpr (kVectors == 0) {
            visit_part<RowCodec<kCodec>>(group.columns, [&]<std::size_t kPart>() {
                BlockKernel<kCodec, Plain, kWeighted, 0, kPart>::run(group);
            });
        } else if constexpr (F::is_plain) {
            BlockKernel<kCodec, Plain, kWeighted, kVectors>::run(group);
        } else if constexpr (kVectors > kLarge && F::group < 4) {
            BlockKernel<kCodec, F, kWeighted, kVectors>::run(group);
        } else {
            const bool fits = group.columns >= next_load<F>(kVectors) * Arch::width;
            constexpr OutputType kPairs = OutputType::bf16;
            const bool are_pairs = F::template stores_pairs<kPairs, 2> && group.args.out_type == kPairs;
            constexpr std::size_t kLeast = kVectors > kLarge ? 7 : 3;  // measured; blocks check their results, too
            constexpr std::size_t kFrom = F::pays_from < kLeast ? kLeast : F::pays_from;
            const bool pays = fits && (are_pairs || group.indices >= kFrom * group.count);
            pays ? BlockKernel<kCodec, F, kWeighted, kVectors>::run(group)
                 : BlockKernel<kCodec, Plain, kWeighted, kVectors>::run(group);
        }
    });
}

/// The number of columns per block but the last, which has what is left. A block that is smaller than its kernel has
/// vectors computed twice, so all but the last fill theirs, and there are as many as cost the least, or as few as
/// possible if not all but the last have least_run bytes.
template <class C>
constexpr std::size_t block_columns(std::size_t columns, std::size_t least_run) noexcept {
    const std::size_t vectors = (columns + Arch::width - 1) / Arch::width;
    if (vectors <= kMaxRowVectors) return columns;
    const std::size_t fewest = (vectors + kMaxVectors - 1) / kMaxVectors;
    std::size_t best = 0, least = ~std::size_t{0};
    for (std::size_t blocks = fewest; blocks <= 2 * fewest; ++blocks) {
        const std::size_t size = block_size<kMaxVectors>((vectors + blocks - 1) / blocks);
        if (blocks > fewest && C::bytes_of(size * Arch::width) < least_run) break;
        const std::size_t whole = (vectors - 1) / size;  // blocks before the last
        const std::size_t last = block_size<kMaxVectors>(vectors - whole * size);
        const std::size_t cost = whole * (size + 1) + last + 1;  // with the set-up of a block
        if (cost < least) least = cost, best = size;
    }
    return best * Arch::width;
}

/// How many bags, at least one, are pooled in a block of columns before the next block.
inline std::size_t bags_at_once(const PoolArgs& args) noexcept {
    constexpr std::size_t kMost = 64;  // so that indices and ends are still in the cache
    const std::size_t bytes_of_rows = (args.end - args.position) * args.rows.bytes;
    const std::size_t bags = args.bytes_at_once * (args.last_bag - args.first_bag) / (bytes_of_rows + 1);
    return bags == 0 ? 1 : bags < kMost ? bags : kMost;
}

template <Codec kCodec, bool kWeighted>
void sum_blocks(const PoolArgs& args) noexcept {
    using C = RowCodec<kCodec>;
    const std::size_t columns = stored_columns<C>(args.rows.dim);
    const std::size_t block = block_columns<C>(columns, args.least_run);
    const std::size_t most = columns <= block ? args.last_bag : bags_at_once(args);
    for (BagGroup group(args); group.take(most);) {
        for (std::size_t column = 0; column < columns; column += block) {
            const std::size_t left = columns - column;
            group.is_last_block = left <= block;
            group.columns = group.is_last_block ? left : block;
            group.column = column;
            if (left < Arch::width && column != 0) group.move_back(Arch::width - left);
            sum_block<kCodec, kWeighted>(group);
        }
    }
}

}  // namespace
}  // namespace rowpool::kernels
