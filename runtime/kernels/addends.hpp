// Addends: what a sum adds up in the place of the elements of a row, where that is faster than decoding them.
//
// An addend may hold its columns in another order, each times a power of two that belongs to its lane. The sum of a bag
// is carried through in that form and restored once at its end. A power of two changes no rounding, so the bits are
// those of the plain sum unless a lane overflows, which shows as a result that is not finite.
//
// A form is an object, which keeps its constants in registers. It has `most`, the largest number of vectors that it
// loads at once; load<kCount>, for kCount 1, 2 and 4 as far as that goes; reorder<kCount>, which puts the sums of such
// a load's vectors in order; and power<kCount>, what they are multiplied by afterwards, 1 unless `is_scaled`.
#pragma once

#include <cstddef>

#include "kernels/codecs.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// The plain form: the elements themselves.
template <Codec kCodec>
struct PlainAddend {
    static constexpr std::size_t most = 1;
    static constexpr bool is_scaled = false;

    template <std::size_t kCount>
    void load(const std::byte* codes, std::size_t column, Arch::V* x) const noexcept {
        static_assert(kCount == 1);
        *x = RowCodec<kCodec>::load(codes, column);
    }
    template <std::size_t kCount>
    static void reorder(Arch::V*) noexcept {}
    template <std::size_t kCount>
    static Arch::V power() noexcept {
        return Arch::set(1);
    }
};

/// The form that this instruction set is fastest with.
template <Codec kCodec>
struct Addend : PlainAddend<kCodec> {};

/// Calls f.operator()<v, kCount>() for the loads that together cover kVectors vectors, the first kWhole of which begin
/// where the one before them ends.
template <class A, std::size_t kVectors, std::size_t kWhole, std::size_t v = 0, class F>
[[gnu::always_inline]] inline void for_each_load(const F& f) noexcept {
    if constexpr (v < kVectors) {
        constexpr std::size_t kCount = v + 4 <= kWhole && A::most >= 4 ? 4 : v + 2 <= kWhole && A::most >= 2 ? 2 : 1;
        f.template operator()<v, kCount>();
        for_each_load<A, kVectors, kWhole, v + kCount>(f);
    }
}

}  // namespace
}  // namespace rowpool::kernels
