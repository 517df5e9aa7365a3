// Walking a call: bag after bag, row after row, with rows prefetched ahead.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Bag `number` holds indices [begin, end).
struct Bag {
    std::size_t number;
    std::size_t begin;
    std::size_t end;
};

inline std::size_t element(const void* values, bool wide, std::size_t i) noexcept {
    return static_cast<std::size_t>(wide ? static_cast<const std::int64_t*>(values)[i]
                                         : static_cast<const std::int32_t*>(values)[i]);
}

/// Where the bag that begins at `begin` ends.
inline std::size_t end_of(const BagEnds& ends, std::size_t bag, std::size_t begin) noexcept {
    switch (ends.kind) {
        case BagEnds::Kind::offsets:
            return bag < ends.count ? element(ends.values, ends.wide, bag) : ends.last_end;
        case BagEnds::Kind::lengths:
            return begin + element(ends.values, ends.wide, bag);
        case BagEnds::Kind::fixed:
            return begin + ends.length;
    }
    return begin;
}

/// Calls f(Bag) for every bag of the call.
template <class F>
[[gnu::always_inline]] inline void for_each_bag(const PoolArgs& args, const F& f) noexcept {
    std::size_t begin = args.position;
    for (std::size_t bag = args.first_bag; bag < args.last_bag; ++bag) {
        const std::size_t end = end_of(args.ends, bag, begin);
        f(Bag{bag, begin, end});
        begin = end;
    }
}

/// Asks for the lines of a row: those of its first byte, of its last byte, and what can be between them. No row has
/// fewer than kLeast lines: narrow rows, where it counts, need no loop for these. Always inline, as its caller: gcc 12
/// takes a function that does nothing but prefetch for one without effects, and drops calls of it.
template <int kLocality, std::size_t kLeast>
[[gnu::always_inline]] inline void prefetch_lines(const std::byte* row, std::size_t lines, std::size_t bytes) noexcept {
    __builtin_prefetch(row, 0, kLocality);
    __builtin_prefetch(row + bytes - 1, 0, kLocality);
    constexpr std::size_t kLooped = kLeast < 2 ? 1 : kLeast > 5 ? 4 : kLeast - 1;
#pragma GCC unroll 4
    for (std::size_t line = 1; line < kLooped; ++line) __builtin_prefetch(row + line * 64, 0, kLocality);
    for (std::size_t line = kLooped; line + 1 < lines; ++line) __builtin_prefetch(row + line * 64, 0, kLocality);
}

template <std::size_t kLeast>
[[gnu::always_inline]] inline void prefetch_row(const PoolArgs& args, std::size_t row) noexcept {
    const std::byte* p = args.rows.data + row * args.rows.stride;
    if (args.prefetch.into == Prefetch::Into::first_level) {
        prefetch_lines<3, kLeast>(p, args.rows.lines, args.rows.bytes);
    } else {
        prefetch_lines<2, kLeast>(p, args.rows.lines, args.rows.bytes);
    }
}

/// Reads the last byte of a row, whose other lines are about to be read in order, where that is to come first.
[[gnu::always_inline]] inline void read_end_first(const PoolArgs& args, std::size_t row) noexcept {
    if (!args.rows.end_first) return;
    static_cast<void>(
        *static_cast<const volatile std::byte*>(args.rows.data + row * args.rows.stride + args.rows.bytes - 1));
}

/// The row of an index that has none.
constexpr std::size_t kNoRow = ~std::size_t{0};

/// The row that an index stands for; kNoRow when it is padding (-1 when there is none), bad, or an id that the remap
/// gives no row. A remap is from a file: what is in it is trusted no more than indices are.
inline std::size_t row_of(const PoolArgs& args, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (index == args.padding || id >= args.rows.ids) return kNoRow;
    if (args.rows.remap == nullptr) return id;
    const std::int32_t row = args.rows.remap[id];
    return row >= 0 && static_cast<std::size_t>(row) < args.rows.count ? static_cast<std::size_t>(row) : kNoRow;
}

/// Asks for what row_of() will read of the remap, if there is one.
[[gnu::always_inline]] inline void prefetch_remap(const PoolArgs& args, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (args.rows.remap != nullptr && id < args.rows.ids) __builtin_prefetch(args.rows.remap + id);
}

/// Calls f(position of the index, bytes from the table's start to the row) for every row of a bag that counts; rows
/// have at least kLeast lines. Rows of later positions, below `prefetch_end`, are prefetched on the way, across bags,
/// and what says where they are as far again ahead; where there is nothing to prefetch the loop is one without a test
/// for it.
template <class Index, bool kFiltered, std::size_t kLeast, class F>
[[gnu::always_inline]] inline void for_each_row(const PoolArgs& args, const Bag& bag, std::size_t prefetch_end,
                                                const F& f) noexcept {
    const auto* indices = static_cast<const Index*>(args.indices);
    const auto take = [&](std::size_t i, bool is_prefetched) ROWPOOL_INLINE {
        const std::size_t row = kFiltered ? row_of(args, indices[i]) : static_cast<std::size_t>(indices[i]);
        if (kFiltered && row == kNoRow) return;
        if (is_prefetched) read_end_first(args, row);
        f(i, row * args.rows.stride);
    };
    const std::size_t distance = args.prefetch.distance;
    std::size_t i = bag.begin;
    for (; i < bag.end && i + distance < prefetch_end; ++i) {
        const Index ahead = indices[i + distance];
        const std::size_t row = kFiltered ? row_of(args, ahead) : static_cast<std::size_t>(ahead);
        if (!kFiltered || row != kNoRow) prefetch_row<kLeast>(args, row);
        if (kFiltered && i + 2 * distance < prefetch_end) prefetch_remap(args, indices[i + 2 * distance]);
        take(i, true);
    }
    for (; i < bag.end; ++i) take(i, false);
}

}  // namespace
}  // namespace rowpool::kernels
