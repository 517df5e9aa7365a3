// Cutting a row into vectors: blocks of vectors that fit the registers, and the columns at the end.
//
// A row rarely is a whole number of vectors. The last vector of a row is moved back so that it ends where the row ends:
// it recomputes columns of the vector before it, with the same result, and nothing is read or written past the row.
// Only rows narrower than one vector are copied to a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Vectors in the largest block.
#ifdef ROWPOOL_MAX_VECTORS
constexpr std::size_t kMaxVectors = ROWPOOL_MAX_VECTORS;  // sanitized builds: fewer and smaller instances
#else
constexpr std::size_t kMaxVectors = Arch::max_vectors;
#endif

/// Consecutive vectors of a row: vector v begins at first + v * Arch::width, but the last one at `last`.
struct Block {
    std::size_t first;
    std::size_t last;

    template <std::size_t kVectors>
    constexpr std::size_t column(std::size_t v) const noexcept {
        return v + 1 < kVectors ? first + v * Arch::width : last;
    }
    /// Whether the last vector is where it would be in a wider row.
    template <std::size_t kVectors>
    constexpr bool is_whole() const noexcept {
        return last == first + (kVectors - 1) * Arch::width;
    }
};

/// Which numbers of vectors blocks come in. Every number up to 8, so that rows of common dims are one block; `kFew` has
/// the powers of two only, for kernels whose speed matters less than their size.
template <bool kFew>
constexpr bool is_block_size(std::size_t vectors) noexcept {
    const bool is_power = (vectors & (vectors - 1)) == 0;
    return vectors <= kMaxVectors && (is_power || (!kFew && vectors <= 8));
}

/// Calls f.operator()<kVectors>(Block) with the largest block of at most kMost vectors that begins at column `first`;
/// returns the columns it covers.
template <bool kFew, std::size_t kMost, class F>
inline std::size_t visit_block(std::size_t first, std::size_t columns, const F& f) noexcept {
    if constexpr (!is_block_size<kFew>(kMost)) {
        return visit_block<kFew, kMost - 1>(first, columns, f);
    } else {
        if constexpr (kMost > 1) {
            if (first + (kMost - 1) * Arch::width >= columns) return visit_block<kFew, kMost - 1>(first, columns, f);
        }
        const std::size_t last = first + (kMost - 1) * Arch::width;
        f.template operator()<kMost>(Block{first, last + Arch::width <= columns ? last : columns - Arch::width});
        return kMost * Arch::width;
    }
}

/// Whether one block covers `columns`.
template <bool kFew>
constexpr bool is_one_block(std::size_t columns) noexcept {
    return is_block_size<kFew>((columns + Arch::width - 1) / Arch::width);
}

/// Covers `columns`, at least one vector's, with blocks, in order.
template <bool kFew, class F>
inline void for_each_block(std::size_t columns, const F& f) noexcept {
    for (std::size_t first = 0; first < columns;) first += visit_block<kFew, 16>(first, columns, f);
}

/// Writes results as elements of the output's type from `first_element` on; for the few that are not whole vectors.
[[gnu::noinline]] inline void write_columns(const PoolArgs& args, std::size_t first_element, const float* results,
                                            std::size_t count) noexcept {
    std::byte* const out = static_cast<std::byte*>(args.out);
    if (args.out_type == OutputType::f32) {
        std::memcpy(out + first_element * sizeof(float), results, count * sizeof(float));
        return;
    }
    const auto store = args.out_type == OutputType::f16 ? Arch::store_f16 : Arch::store_bf16;
    std::byte halves[Arch::width * sizeof(std::uint16_t)];
    store(halves, Arch::load_f32(reinterpret_cast<const std::byte*>(results)));
    std::memcpy(out + first_element * sizeof(std::uint16_t), halves, count * sizeof(std::uint16_t));
}

/// Asks for the lines of bag's output row that the block writes to. Rows of a request are far apart, where the CPU does
/// not foresee them, and a result would wait for each; by the time that the rows of the bag are added up they are
/// there.
template <std::size_t kVectors>
[[gnu::always_inline]] inline void prefetch_output(const PoolArgs& args, std::size_t bag, const Block& block) noexcept {
    const std::size_t size = args.out_type == OutputType::f32 ? 4 : 2;
    const std::byte* const row = static_cast<const std::byte*>(args.out) + (bag * args.out_stride + block.first) * size;
    const auto ask_for = [&](std::size_t first, std::size_t last) ROWPOOL_INLINE {
#pragma GCC unroll 16
        for (std::size_t line = first; line < last; ++line) __builtin_prefetch(row + line * 64, 1);
    };
    constexpr std::size_t kLines = kVectors == 0 ? 1 : (kVectors * Arch::width * 4 + 63) / 64;
    constexpr std::size_t kHalf = (kLines + 1) / 2;
    ask_for(0, kHalf);
    if (args.out_type == OutputType::f32) ask_for(kHalf, kLines);
    const std::size_t end = block.last + Arch::width < args.rows.dim ? block.last + Arch::width : args.rows.dim;
    __builtin_prefetch(row + (end - block.first) * size - 1, 1);
}

/// Stores a block's vectors, the last one only when the row has all of its columns.
template <std::size_t kVectors, std::size_t kSize, class Store>
[[gnu::always_inline]] inline void store_vectors(const PoolArgs& args, std::size_t row, const Block& block,
                                                 const Arch::V (&vectors)[kVectors], bool is_whole,
                                                 const Store& store) noexcept {
    std::byte* const out = static_cast<std::byte*>(args.out) + row * kSize;
#pragma GCC unroll 16
    for (std::size_t v = 0; v < kVectors; ++v) {
        if (v + 1 < kVectors || is_whole) store(out + block.column<kVectors>(v) * kSize, vectors[v]);
    }
}

/// Rounds a block's results to the output's type and writes them to bag's row, the last vector only as far as the row
/// has columns. Always inline: a call would need the address of `vectors`, and gcc would then keep the sums in memory
/// for the whole loop over rows; which is why `args`, that may be in registers, come as `given` from memory, too.
template <std::size_t kVectors>
[[gnu::always_inline]] inline void write_block(const PoolArgs& args, const PoolArgs& given, std::size_t bag,
                                               const Block& block, const Arch::V (&vectors)[kVectors]) noexcept {
    const std::size_t row = bag * args.out_stride;
    const bool is_whole = block.last + Arch::width <= args.rows.dim;
    switch (args.out_type) {
        case OutputType::f32:
            store_vectors<kVectors, 4>(args, row, block, vectors, is_whole, Arch::store_f32);
            break;
        case OutputType::f16:
            store_vectors<kVectors, 2>(args, row, block, vectors, is_whole, Arch::store_f16);
            break;
        case OutputType::bf16:
            store_vectors<kVectors, 2>(args, row, block, vectors, is_whole, Arch::store_bf16);
            break;
    }
    if (is_whole) return;
    float last[Arch::width];
    Arch::store_f32(reinterpret_cast<std::byte*>(last), vectors[kVectors - 1]);
    write_columns(given, row + block.last, last, args.rows.dim - block.last);
}

}  // namespace
}  // namespace rowpool::kernels
