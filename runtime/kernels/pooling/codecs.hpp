// Codecs: how the elements of a row become floats, over any Arch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Scale and bias of one row.
struct Qparams {
    float scale;
    float bias;
};

/// Decodes columns of a row. `bits` is the size of one element. `pack` elements share a byte, so that a row has storage
/// for a multiple of `pack` columns, and vectors begin at such a multiple.
template <Codec kCodec>
struct RowCodec {
    static constexpr std::size_t bits = kCodec == Codec::f32    ? 32
                                        : kCodec == Codec::f16  ? 16
                                        : kCodec == Codec::bf16 ? 16
                                        : kCodec == Codec::int4 ? 4
                                        : kCodec == Codec::int2 ? 2
                                                                : 8;
    static constexpr std::size_t pack = bits < 8 ? 8 / bits : 1;
    static constexpr bool is_coded = bits <= 8;
    /// Whether elements without a weight are best added as their products with 1, which is exact. On AMD's Zen,
    /// conversions of halves and shifts take the pipes of additions, but not those of fma: f16 on Zen 5, 0.55 cycles a
    /// vector of eight for a conversion and an fma, 1.0 for a conversion and an addition.
    static constexpr bool adds_by_fma = bits == 16 && Arch::has_fma;
    static constexpr std::size_t qparams_bytes = !is_coded ? 0 : kCodec == Codec::int8_f32 ? 8 : 4;
    static constexpr bool has_short_qparams = qparams_bytes == 4;

    static constexpr std::size_t bytes_of(std::size_t columns) noexcept {
        return bits < 8 ? columns / pack : columns * (bits / 8);
    }

    /// Byte of a row's first element, and of its scale; float rows have none. Only rows with scale and bias in f16 have
    /// them before their codes, or after. Where those of others are is fixed, which saves registers.
    static std::size_t codes_at(const Rows& rows) noexcept { return has_short_qparams ? rows.codes_at : 0; }
    static std::size_t qparams_at(const Rows& rows) noexcept {
        return has_short_qparams ? rows.qparams_at : bytes_of(rows.dim);
    }

    /// Columns [column, column + Arch::width): values of a float row, codes of a coded one.
    static Arch::V load(const std::byte* codes, std::size_t column) noexcept {
        const std::byte* p = codes + bytes_of(column);
        if constexpr (kCodec == Codec::f32) return Arch::load_f32(p);
        if constexpr (kCodec == Codec::f16) return Arch::load_f16(p);
        if constexpr (kCodec == Codec::bf16) return Arch::load_bf16(p);
        if constexpr (bits == 8) return Arch::load_u8(p);
        if constexpr (kCodec == Codec::int4) return Arch::load_u4(p);
        if constexpr (kCodec == Codec::int2) return Arch::load_u2(p);
    }

    /// Whether load_part() reads no byte past the row: at least one code and scale and bias of RowFormat::int8, which
    /// follow the codes, are as many bytes as a load of a narrow vector has.
    static constexpr bool has_exact_parts =
        bits >= Arch::least_exact_bits || (kCodec == Codec::int8_f32 && Arch::width <= 1 + qparams_bytes);

    /// The columns of a row that is narrower than a vector. Float loads are no wider than needed, because the bytes
    /// after the row may be in another cache line, whose miss would cost as much as another row.
    static Arch::V load_part(const std::byte* codes, std::size_t columns) noexcept {
        if constexpr (kCodec == Codec::f32) return Arch::load_f32_part(codes, columns);
        if constexpr (kCodec == Codec::f16) return Arch::load_f16_part(codes, columns);
        if constexpr (kCodec == Codec::bf16) return Arch::load_bf16_part(codes, columns);
        if constexpr (bits == 8) return Arch::load_u8_part(codes, columns);
        return load(codes, 0);
    }

    /// factor * x + sum, rounded once. The factor is a row's scale, or 1, times its weight if there are weights.
    /// Without weights, the product is exact unless the scale is f32, so that no fma is needed where that is slow.
    [[gnu::always_inline]] static Arch::V add_product(Arch::V factor, Arch::V x, Arch::V sum,
                                                      bool is_weighted) noexcept {
        if constexpr (!Arch::has_fma && kCodec != Codec::int8_f32) {
            if (!is_weighted) return factor * x + sum;
        }
        return Arch::fma(factor, x, sum);
    }

    static Qparams qparams(const std::byte* p) noexcept {
        if constexpr (kCodec == Codec::int8_f32) {
            Qparams q;  // one by one: gcc would pass the pair through a register and back through memory
            std::memcpy(&q.scale, p, sizeof q.scale);
            std::memcpy(&q.bias, p + sizeof q.scale, sizeof q.bias);
            return q;
        } else {
            float values[2];
            Arch::load_f16_pair(p, values);
            return {values[0], values[1]};
        }
    }
    /// Whether scale and bias, in f16, are finite: the exponent of a number that is not has all bits set, and carries
    /// into the sign's place when its lowest bit is added.
    [[gnu::always_inline]] static bool has_finite_qparams(const std::byte* p) noexcept {
        static_assert(has_short_qparams);
        std::uint32_t pair;
        std::memcpy(&pair, p, sizeof pair);
        return (((pair & 0x7c00'7c00) + 0x0400'0400) & 0x8000'8000) == 0;
    }
};

/// 1, but the compiler does not know it: it would make an addition of a product with 1.
[[gnu::always_inline]] inline float hidden_one() noexcept {
    float one = 1;
#if defined(__x86_64__)
    asm("" : "+x"(one));
#elif defined(__aarch64__)
    asm("" : "+w"(one));
#endif
    return one;
}

/// Columns that a row has storage for.
template <class C>
constexpr std::size_t stored_columns(std::size_t dim) noexcept {
    return (dim + C::pack - 1) / C::pack * C::pack;
}

}  // namespace
}  // namespace rowpool::kernels
