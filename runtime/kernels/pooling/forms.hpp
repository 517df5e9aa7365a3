// Forms: representations of a row's elements that are cheaper to add up than the decoded values in column order.
//
// For example, an AVX2 load of 16 bf16 values becomes two vectors by masks and shifts: the even columns and the odd
// ones. A form may hold columns in an order other than that of the row, and multiply each by a power of two that is
// fixed for its lane. The rows of a bag are added up in that form, and the partial sums are converted to column order
// once per bag. Scaling by a power of two does not change rounding, so the bits are those of the plain sum unless a
// lane overflows, which shows as a non-finite result; are_regular() foresees it.
//
// A form is an object, so that its constants stay in registers. Its members:
//
//   group             the number of vectors that it loads at once
//   load<kCount>      loads kCount vectors; kCount is 1, `group`, or 2 where that is less than `group`
//   reorder<kCount>   puts the sums of such a load into column order
//   power<kCount>     what sums are multiplied by afterwards; 1 unless `is_scaled`
//   stores_pairs<kType, kCount>  for kCount = 2: whether two adjacent sums, of one load or of two, are written without
//                     reordering by store_pairs(out, first, second), which makes NaNs canonical
//   pays_from         rows a bag from which it is faster than the plain form (measured on Zen 5); one whose sums are
//                     stored in pairs always is
#pragma once

#include <cstddef>
#include <type_traits>

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
    // What forms have that do not say otherwise.
    static constexpr std::size_t pays_from = 4;
    template <OutputType kType, std::size_t kCount>
    static constexpr bool stores_pairs = false;

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

/// The fastest form on this instruction set for bags of several rows.
template <Codec kCodec>
struct Form : PlainForm<kCodec> {};

/// The fastest one for bags of kRows rows with results of a type.
template <Codec kCodec, std::size_t kRows, OutputType kType>
using FormOfBag = std::conditional_t<Form<kCodec>::template stores_pairs<kType, 2> || kRows >= Form<kCodec>::pays_from,
                                     Form<kCodec>, PlainForm<kCodec>>;

/// F::store_pairs(), for lambdas: clang looks its name up even where `stores_pairs` is false, and not all forms have
/// it.
template <class F>
[[gnu::always_inline]] inline void store_pairs(std::byte* out, Arch::V first, Arch::V second) noexcept {
    F::store_pairs(out, first, second);
}

/// How many of `left` vectors a form loads next.
template <class F>
constexpr std::size_t next_load(std::size_t left) noexcept {
    return F::group >= 4 && left >= 4 ? 4 : F::group >= 2 && left >= 2 ? 2 : 1;
}

/// The first vectors of the loads that cover kVectors vectors. (std::index_sequence comes with functions of the
/// standard library, which kernels must not have copies of.)
template <std::size_t... v>
struct Loads {};
template <class F, std::size_t kVectors, std::size_t kNext = 0, std::size_t... v>
constexpr auto loads_of() noexcept {
    if constexpr (kNext < kVectors) {
        return loads_of<F, kVectors, kNext + next_load<F>(kVectors - kNext), v..., kNext>();
    } else {
        return Loads<v...>();
    }
}

/// Calls f.operator()<v, kCount>() for the loads that cover kVectors vectors. All calls are in one expression: if each
/// were nested in the one before, by recursion, the compiler would inline the last one once for every level.
template <class F, std::size_t kVectors, class Visit>
[[gnu::always_inline]] inline void for_each_load(const Visit& visit) noexcept {
    const auto visit_all = [&]<std::size_t... v>(Loads<v...>) ROWPOOL_INLINE {
        (visit.template operator()<v, next_load<F>(kVectors - v)>(), ...);
    };
    visit_all(loads_of<F, kVectors>());
}

}  // namespace
}  // namespace rowpool::kernels
