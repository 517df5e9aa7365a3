// Writing results: vectors of floats, rounded to the type of the output.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/copy_few.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

inline std::byte* output_row(const PoolArgs& args, std::size_t bag) noexcept {
    return static_cast<std::byte*>(args.out) + bag * args.out_stride * element_bytes(args.out_type);
}

/// How many results of a call, from that of `first_bag` on, may be written as `written` columns, at least as many as
/// rows have, by a kernel that writes each result at once, in the order of bags. Where results follow one another, what
/// is too much is overwritten by the next bags of the call, which come later and on the same thread.
inline std::size_t whole_results(const PoolArgs& args, std::size_t first_bag, std::size_t written) noexcept {
    const std::size_t dim = args.rows.dim, left = (args.last_bag - first_bag) * dim;
    if (written != dim && args.out_stride != dim) return 0;
    return left >= written ? (left - written) / dim + 1 : 0;
}

/// Writes the first `count` columns of a vector that has more. Not inlined: it serves the ends of rows only, and its
/// addresses would take registers from the loops.
[[gnu::noinline]] inline void store_columns(std::byte* out, OutputType type, Arch::V v, std::size_t count) noexcept {
    alignas(64) std::byte values[Arch::width * 4];
    if (type == OutputType::f32) {
        Arch::store_f32(values, v);
        return copy_few<Arch::width * 4>(out, values, count * 4);
    }
    type == OutputType::f16 ? Arch::store_f16(values, v) : Arch::store_bf16(values, v);
    copy_few<Arch::width * 2>(out, values, count * 2);
}

/// Rounds `count` columns of a result, given as floats, to the type of the output.
[[gnu::noinline]] inline void store_rounded(std::byte* out, OutputType type, const std::byte* floats,
                                            std::size_t count) noexcept {
    const std::size_t size = element_bytes(type);
    std::size_t c = 0;
    for (; c + Arch::width <= count; c += Arch::width) {
        const Arch::V x = Arch::load_f32(floats + c * sizeof(float));
        type == OutputType::f32   ? Arch::store_f32(out + c * size, x)
        : type == OutputType::f16 ? Arch::store_f16(out + c * size, x)
                                  : Arch::store_bf16(out + c * size, x);
    }
    if (c < count) store_columns(out + c * size, type, Arch::load_f32(floats + c * sizeof(float)), count - c);
}

/// Calls f.operator()<kType>().
template <class F>
[[gnu::always_inline]] inline void visit_type(OutputType type, const F& f) noexcept {
    if (type == OutputType::f32) return f.template operator()<OutputType::f32>();
    if (type == OutputType::f16) return f.template operator()<OutputType::f16>();
    f.template operator()<OutputType::bf16>();
}

/// Writes a vector, rounded to the type of the output.
template <OutputType kType>
[[gnu::always_inline]] inline void store(std::byte* out, Arch::V x) noexcept {
    kType == OutputType::f32   ? Arch::store_f32(out, x)
    : kType == OutputType::f16 ? Arch::store_f16(out, x)
                               : Arch::store_bf16(out, x);
}

/// Writes a vector of results of a table, NaNs made canonical. For tables of bfloat16, CPUs that round to it themselves
/// do so; for other tables, whose results hardly ever have that type, it would be code for nothing.
template <Codec kCodec, OutputType kType>
[[gnu::always_inline]] inline void store_canonical(std::byte* out, Arch::V x) noexcept {
    if constexpr (kCodec == Codec::bf16 && kType == OutputType::bf16) return Arch::store_canonical_bf16(out, x);
    store<kType>(out, Arch::canonical(x));
}

}  // namespace
}  // namespace rowpool::kernels
