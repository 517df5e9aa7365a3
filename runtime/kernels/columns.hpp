// Cutting a row into vectors: blocks of vectors that fit the registers, and the columns at the end.
//
// A row rarely is a whole number of vectors. The last vector of a row is moved back so that it ends where the row ends:
// it recomputes columns of the vector before it, with the same result, and nothing is read or written past the row.
// Only rows narrower than one vector are copied to a buffer.
#pragma once

#include <cstddef>
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
};

/// Calls f.operator()<kVectors>(Block) with the largest block of at most kVectors that fits; returns the columns it
/// covers.
template <std::size_t kVectors, class F>
inline std::size_t visit_block(std::size_t first, std::size_t columns, const F& f) noexcept {
    if constexpr (kVectors > 1) {
        if (first + (kVectors - 1) * Arch::width >= columns) return visit_block<kVectors / 2>(first, columns, f);
    }
    const std::size_t last = first + (kVectors - 1) * Arch::width;
    f.template operator()<kVectors>(Block{first, last + Arch::width <= columns ? last : columns - Arch::width});
    return kVectors * Arch::width;
}

/// Covers `columns`, at least one vector's, with blocks, in order.
template <class F>
inline void for_each_block(std::size_t columns, const F& f) noexcept {
    for (std::size_t first = 0; first < columns;) first += visit_block<kMaxVectors>(first, columns, f);
}

/// Writes a block's vectors to the output row at `row`, the last one only as far as the row has columns.
/// Always inline, as write_block: a call would need the address of `vectors`, and gcc would then keep the sums in
/// memory for the whole of the loop over rows.
template <std::size_t kVectors, std::size_t kSize, class Store>
[[gnu::always_inline]] inline void store_block(std::byte* row, std::size_t dim, const Block& block,
                                               const Arch::V (&vectors)[kVectors], const Store& store) noexcept {
#pragma GCC unroll 16
    for (std::size_t v = 0; v + 1 < kVectors; ++v) store(row + block.column<kVectors>(v) * kSize, vectors[v]);
    const Arch::V last = vectors[kVectors - 1];
    if (block.last + Arch::width <= dim) return store(row + block.last * kSize, last);
    std::byte buffer[Arch::width * kSize];
    store(buffer, last);
    std::memcpy(row + block.last * kSize, buffer, (dim - block.last) * kSize);
}

/// Rounds a block's results to the output type and writes them to bag's output row.
template <std::size_t kVectors>
[[gnu::always_inline]] inline void write_block(const PoolArgs& args, std::size_t bag, const Block& block,
                                               const Arch::V (&vectors)[kVectors]) noexcept {
    const std::size_t size = args.out_type == OutputType::f32 ? 4 : 2;
    std::byte* row = static_cast<std::byte*>(args.out) + bag * args.out_stride * size;
    switch (args.out_type) {
        case OutputType::f32:
            return store_block<kVectors, 4>(row, args.rows.dim, block, vectors, Arch::store_f32);
        case OutputType::f16:
            return store_block<kVectors, 2>(row, args.rows.dim, block, vectors, Arch::store_f16);
        case OutputType::bf16:
            return store_block<kVectors, 2>(row, args.rows.dim, block, vectors, Arch::store_bf16);
    }
}

}  // namespace
}  // namespace rowpool::kernels
