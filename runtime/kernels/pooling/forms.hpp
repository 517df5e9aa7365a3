// Forms: what a sum adds up in the place of the elements of a row, where that is faster than decoding them in order.
//
// A form may hold its columns in another order, each times a power of two that belongs to its lane. The sum of a bag is
// carried through in that form and put right once at its end. A power of two changes no rounding, so the bits are those
// of the plain sum unless a lane overflows, which shows as a result that is not finite.
//
// A form is an object, which keeps its constants in registers. It has `group`, the number of vectors that it loads at
// once; load<kCount>, for kCount 1 and `group`, and for 2 where that is less; reorder<kCount>, which puts the sums of
// such a load's vectors in order; and power<kCount>, what they are multiplied by afterwards, 1 unless `is_scaled`.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"

namespace rowpool::kernels {
namespace {

/// The plain form: the elements themselves, in order.
template <Codec kCodec>
struct PlainForm {
    static constexpr bool is_plain = true;
    static constexpr std::size_t group = 1;
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

/// The form that this instruction set is fastest with when bags have several rows.
template <Codec kCodec>
struct Form : PlainForm<kCodec> {};

/// How many of `left` vectors a form loads next.
template <class F>
constexpr std::size_t next_load(std::size_t left) noexcept {
    return F::group >= 4 && left >= 4 ? 4 : F::group >= 2 && left >= 2 ? 2 : 1;
}

/// Calls f.operator()<v, kCount>() for the loads that cover kVectors vectors.
template <class F, std::size_t kVectors, std::size_t v = 0, class Visit>
[[gnu::always_inline]] inline void for_each_load(const Visit& visit) noexcept {
    if constexpr (v < kVectors) {
        constexpr std::size_t kCount = next_load<F>(kVectors - v);
        visit.template operator()<v, kCount>();
        for_each_load<F, kVectors, v + kCount>(visit);
    }
}

}  // namespace
}  // namespace rowpool::kernels
