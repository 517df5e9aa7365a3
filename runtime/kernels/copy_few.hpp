// Copies a number of bytes that is small and not known to the compiler, without a call of memcpy().
#pragma once

#include <cstddef>
#include <cstring>

namespace rowpool::kernels {
namespace {

/// Copies `count` bytes, an even number of at most kMost and not 0, as two pieces of the same size that may overlap.
template <std::size_t kMost>
[[gnu::always_inline]] inline void copy_few(std::byte* to, const std::byte* from, std::size_t count) noexcept {
    if constexpr (kMost > 2) {
        constexpr std::size_t kPiece = kMost / 2;
        if (count <= kPiece) return copy_few<kPiece>(to, from, count);
        std::byte first[kPiece], last[kPiece];
        std::memcpy(first, from, kPiece);
        std::memcpy(last, from + count - kPiece, kPiece);
        std::memcpy(to, first, kPiece);
        std::memcpy(to + count - kPiece, last, kPiece);
    } else {
        std::memcpy(to, from, 2);
    }
}

}  // namespace
}  // namespace rowpool::kernels
