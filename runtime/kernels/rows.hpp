// Reads indices and bag ends, maps indices to rows, and prefetches rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

inline std::int64_t element(const void* values, bool wide, std::size_t i) noexcept {
    return wide ? static_cast<const std::int64_t*>(values)[i] : static_cast<const std::int32_t*>(values)[i];
}

/// The end of the bag that begins at `begin`. Not for the last bag of Bags::starts, which has no entry in `ends`.
inline std::size_t end_of(const BagEnds& ends, std::size_t bag, std::size_t begin) noexcept {
    switch (ends.kind) {
        case BagEnds::Kind::offsets:
            return static_cast<std::size_t>(element(ends.values, ends.wide, bag));
        case BagEnds::Kind::lengths:
            return begin + static_cast<std::size_t>(element(ends.values, ends.wide, bag));
        case BagEnds::Kind::fixed:
            return begin + ends.length;
    }
    return begin;
}

/// Prefetches the cache line of the byte at p + kOffset. In inline assembly on x86-64, because gcc 12 computes the
/// addresses of several __builtin_prefetch ahead, in registers that the sums need, and removes calls of functions that
/// do nothing else.
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

/// Prefetches the cache line of p[byte].
template <Prefetch::Into kInto>
[[gnu::always_inline]] inline void prefetch_line_at(const std::byte* p, std::size_t byte) noexcept {
#if defined(__x86_64__)
    if constexpr (kInto == Prefetch::Into::first_level) {
        asm volatile("prefetcht0 %0" : : "m"(p[byte]));
    } else {
        asm volatile("prefetcht1 %0" : : "m"(p[byte]));
    }
#else
    __builtin_prefetch(p + byte, 0, kInto == Prefetch::Into::first_level ? 3 : 2);
#endif
}

/// Prefetches the cache line of a byte that will be written. Every x86-64 CPU decodes the instruction; those that do
/// not have it do nothing.
[[gnu::always_inline]] inline void prefetch_for_write(const std::byte* p) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw (%0)" : : "r"(p));
#else
    __builtin_prefetch(p, 1, 3);
#endif
}

/// Prefetches the lines that `bytes` bytes of results will be written to.
[[gnu::always_inline]] inline void prefetch_results(const std::byte* results, std::size_t bytes) noexcept {
    for (std::size_t byte = 0; byte < bytes; byte += 64) prefetch_for_write(results + byte);
}

/// Prefetches the first kLines lines of a row.
template <Prefetch::Into kInto, std::size_t kLines>
[[gnu::always_inline]] inline void prefetch_first_lines(const std::byte* row) noexcept {
    if constexpr (kLines > 1) prefetch_first_lines<kInto, kLines - 1>(row);
    prefetch_line<kInto, (kLines - 1) * 64>(row);
}

/// Prefetches the lines of the first `bytes` bytes, at most kMost, from p on: all from the first to the last but one,
/// at steps of one line, and the last one.
template <Prefetch::Into kInto, std::size_t kMost>
[[gnu::always_inline]] inline void prefetch_most(const std::byte* p, std::size_t bytes) noexcept {
    prefetch_first_lines<kInto, (kMost - 1 + 63) / 64>(p);
    prefetch_line_at<kInto>(p, bytes - 1);
}

/// Prefetches all lines of a row: that of its first byte, that of its last byte, and all between them.
template <Prefetch::Into kInto>
[[gnu::always_inline]] inline void prefetch_row(const Rows& rows, std::size_t row) noexcept {
    const std::byte* const p = rows.data + row * rows.stride;
    if (rows.lines > 1) prefetch_line<kInto>(p);
    for (std::size_t line = 1; line + 1 < rows.lines; ++line) prefetch_line<kInto>(p + line * 64);
    prefetch_line<kInto, -1>(p + rows.bytes);
}

/// Calls f.operator()<kInto>() with the cache level that rows are prefetched into.
template <class F>
[[gnu::always_inline]] inline void visit_into(const Rows& rows, const F& f) noexcept {
    using Into = Prefetch::Into;
    if (rows.prefetch.into == Into::first_level) {
        f.template operator()<Into::first_level>();
    } else {
        f.template operator()<Into::second_level>();
    }
}

/// Prefetches all lines of a row into the cache level that `rows` names.
[[gnu::always_inline]] inline void prefetch_row(const Rows& rows, std::size_t row) noexcept {
    visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE { prefetch_row<kInto>(rows, row); });
}

/// Returned by row_of() for an index that has no row.
constexpr std::size_t kNoRow = ~std::size_t{0};

/// The row of an index; kNoRow when the index is padding, bad, or an id without a row in the remap. A remap may come
/// from a hostile file: its entries are checked as indices are.
inline std::size_t row_of(const Rows& rows, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (index == rows.padding || id >= rows.ids) return kNoRow;
    if (rows.remap == nullptr) return id;
    const std::int32_t row = rows.remap[id];
    return row >= 0 && static_cast<std::size_t>(row) < rows.count ? static_cast<std::size_t>(row) : kNoRow;
}

/// Prefetches the remap entry that row_of() will read, if there is a remap.
[[gnu::always_inline]] inline void prefetch_remap(const Rows& rows, std::int64_t index) noexcept {
    const auto id = static_cast<std::size_t>(index);
    if (rows.remap != nullptr && id < rows.ids) __builtin_prefetch(rows.remap + id);
}

}  // namespace
}  // namespace rowpool::kernels
