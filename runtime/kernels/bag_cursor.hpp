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

/// Asks for the cache line of the byte kOffset after p. In assembly where there is one for it: gcc 12 works out the
/// addresses of many builtin prefetches ahead, in registers that the sums need, and drops calls of functions that do
/// nothing else.
template <Prefetch::Into kInto, std::ptrdiff_t kOffset = 0>
[[gnu::always_inline]] inline void prefetch_line(const std::byte* p) noexcept {
#if defined(__x86_64__)
    if constexpr (kInto == Prefetch::Into::first_level) {
        asm volatile("prefetcht0 %c1(%0)" : : "r"(p), "i"(kOffset));
    } else {
        asm volatile("prefetcht1 %c1(%0)" : : "r"(p), "i"(kOffset));
    }
#else
    __builtin_prefetch(p + kOffset, 0, kInto == Prefetch::Into::first_level ? 3 : 2);
#endif
}

/// Asks for the first kLines lines of a row.
template <Prefetch::Into kInto, std::size_t kLines>
[[gnu::always_inline]] inline void prefetch_first_lines(const std::byte* row) noexcept {
    if constexpr (kLines > 1) prefetch_first_lines<kInto, kLines - 1>(row);
    prefetch_line<kInto, (kLines - 1) * 64>(row);
}

/// Asks for the lines of a row: those of its first byte, of its last byte, and what can be between them. No row has
/// fewer than kLeast lines, and none touches more than `lines`.
template <Prefetch::Into kInto, std::size_t kLeast>
[[gnu::always_inline]] inline void prefetch_lines(const std::byte* row, std::size_t lines, std::size_t bytes) noexcept {
    constexpr std::size_t kInner = kLeast < 2 ? 1 : kLeast - 1;
    prefetch_first_lines<kInto, kInner>(row);
    for (std::size_t line = kInner; line + 1 < lines; ++line) prefetch_line<kInto>(row + line * 64);
    prefetch_line<kInto, -1>(row + bytes);
}

template <Prefetch::Into kInto, std::size_t kLeast>
[[gnu::always_inline]] inline void prefetch_row(const Rows& rows, std::size_t row) noexcept {
    prefetch_lines<kInto, kLeast>(rows.data + row * rows.stride, rows.lines, rows.bytes);
}

/// Calls f.operator()<kInto>() with the cache that rows are prefetched into.
template <class F>
[[gnu::always_inline]] inline void visit_into(const Rows& rows, const F& f) noexcept {
    using Into = Prefetch::Into;
    if (rows.prefetch.into == Into::first_level) {
        f.template operator()<Into::first_level>();
    } else {
        f.template operator()<Into::second_level>();
    }
}

/// Reads the last byte of a row.
[[gnu::always_inline]] inline void read_end(const Rows& rows, std::size_t row) noexcept {
    static_cast<void>(*static_cast<const volatile std::byte*>(rows.data + row * rows.stride + rows.bytes - 1));
}

/// The row of an index that has none.
constexpr std::size_t kNoRow = ~std::size_t{0};

/// The row that an index stands for; kNoRow when it is padding (-1 when there is none), bad, or an id that the remap
/// gives no row. A remap is from a file: what is in it is trusted no more than indices are.
inline std::size_t row_of(const Rows& rows, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (index == rows.padding || id >= rows.ids) return kNoRow;
    if (rows.remap == nullptr) return id;
    const std::int32_t row = rows.remap[id];
    return row >= 0 && static_cast<std::size_t>(row) < rows.count ? static_cast<std::size_t>(row) : kNoRow;
}

/// Asks for what row_of() will read of the remap, if there is one.
[[gnu::always_inline]] inline void prefetch_remap(const Rows& rows, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (rows.remap != nullptr && id < rows.ids) __builtin_prefetch(rows.remap + id);
}

/// Asks for the row of the index at a position, and for what says where the row is of one as far again ahead.
template <Prefetch::Into kInto, class Index, bool kFiltered, std::size_t kLeast>
[[gnu::always_inline]] inline void prefetch_index(const PoolArgs& args, std::size_t position) noexcept {
    const auto* indices = static_cast<const Index*>(args.indices);
    const std::size_t row =
        kFiltered ? row_of(args.rows, indices[position]) : static_cast<std::size_t>(indices[position]);
    if (!kFiltered || row != kNoRow) prefetch_row<kInto, kLeast>(args.rows, row);
    const std::size_t further = position + args.rows.prefetch.distance;
    if (kFiltered && further < args.prefetch_end) prefetch_remap(args.rows, indices[further]);
}

/// Prefetching in bursts, across the bags of a call. Where a row's page is not known a core waits for that with the
/// request for the row, and with all that comes some hundred instructions after it: rows of a burst wait together,
/// those that take turns with sums one after the other. kLeast is how many lines a row has at least.
template <class Index, bool kFiltered, std::size_t kLeast>
class Ahead {
public:
    explicit Ahead(const PoolArgs& args) noexcept
        : next_(args.position + args.rows.prefetch.distance), end_(args.rows.burst == 0 ? 0 : args.prefetch_end) {}

    /// To be called before the row at `position` has its turn: asks for rows when fewer than the distance have been
    /// asked for. Returns the position, larger than this one, from which on it is to be called again.
    [[gnu::always_inline]] std::size_t keep(const PoolArgs& args, std::size_t position) noexcept {
        if (next_ >= end_) return ~std::size_t{0};
        if (position + args.rows.prefetch.distance >= next_) {
            const std::size_t last = next_ + args.rows.burst < end_ ? next_ + args.rows.burst : end_;
            visit_into(args.rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
                for (std::size_t i = next_; i < last; ++i) prefetch_index<kInto, Index, kFiltered, kLeast>(args, i);
            });
            next_ += args.rows.burst;
        }
        return next_ - args.rows.prefetch.distance;
    }

private:
    std::size_t next_;
    std::size_t end_;
};

/// Calls f(position of the index, bytes from the table's start to the row) for every row of a bag that counts.
template <class Index, bool kFiltered, class F>
[[gnu::always_inline]] inline void for_each_row(const PoolArgs& args, const Bag& bag, const F& f) noexcept {
    const auto* indices = static_cast<const Index*>(args.indices);
    for (std::size_t i = bag.begin; i < bag.end; ++i) {
        const std::size_t row = kFiltered ? row_of(args.rows, indices[i]) : static_cast<std::size_t>(indices[i]);
        if (!kFiltered || row != kNoRow) f(i, row * args.rows.stride);
    }
}

/// The same, with the rows of later positions, below `prefetch_end`, prefetched on the way, across bags: in bursts, or
/// each when another one has its turn. Where there is nothing to prefetch the loop is one without a test for it.
template <class Index, bool kFiltered, std::size_t kLeast, class F>
[[gnu::always_inline]] inline void for_each_row(const PoolArgs& args, const Bag& bag,
                                                Ahead<Index, kFiltered, kLeast>& ahead, const F& f) noexcept {
    if (args.prefetch_end == 0) return for_each_row<Index, kFiltered>(args, bag, f);
    const auto* indices = static_cast<const Index*>(args.indices);
    const auto take = [&](std::size_t i, bool end_first) ROWPOOL_INLINE {
        const std::size_t row = kFiltered ? row_of(args.rows, indices[i]) : static_cast<std::size_t>(indices[i]);
        if (kFiltered && row == kNoRow) return;
        if (end_first) read_end(args.rows, row);
        f(i, row * args.rows.stride);
    };
    const std::size_t distance = args.rows.prefetch.distance;
    const std::size_t in_turns =
        args.rows.burst == 0 && args.prefetch_end > distance ? args.prefetch_end - distance : 0;
    std::size_t i = bag.begin;
    if (i < in_turns) {
        visit_into(args.rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
            for (const std::size_t end = bag.end < in_turns ? bag.end : in_turns; i < end; ++i) {
                prefetch_index<kInto, Index, kFiltered, kLeast>(args, i + distance);
                take(i, kInto == Prefetch::Into::second_level && args.rows.end_first);
            }
        });
    }
    while (i < bag.end) {
        const std::size_t again = ahead.keep(args, i);
        for (const std::size_t end = again < bag.end ? again : bag.end; i < end; ++i) take(i, args.rows.end_first);
    }
}

}  // namespace
}  // namespace rowpool::kernels
