// Rows of floats to rows of any format, with the arithmetic of FBGEMM's AVX2 code, which PyTorch's prepack operators
// run (QuantUtilsAvx2.cc: FloatOrHalfToFused8BitRowwiseQuantizedSBFloat, FloatOrHalfToFusedNBitRowwiseQuantizedSBHalf).
//
// Plain loops over short buffers: the compiler vectorizes them for each instruction set, and since every step is
// a correctly rounded operation on one element, the bits are the same on all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/half.hpp"
#include "core/row_layout.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Columns that are worked on at a time.
constexpr std::size_t kChunk = 64;
constexpr float kLargestFloat = 0x1.fffffep127f;

constexpr bool is_finite(float x) noexcept { return (bits_of(x) & 0x7f800000) != 0x7f800000; }

/// Widens `count` elements, at most kChunk, from `column` of a source row to f32.
inline void widen(const QuantizeArgs& args, const std::byte* row, std::size_t column, std::size_t count,
                  float (&values)[kChunk]) noexcept {
    if (args.source_format == RowFormat::f32) {
        std::memcpy(values, row + column * sizeof(float), count * sizeof(float));
        return;
    }
    std::uint16_t halves[kChunk] = {};
    std::memcpy(halves, row + column * sizeof(std::uint16_t), count * sizeof(std::uint16_t));
    if (args.source_format == RowFormat::f16) {
        for (std::size_t i = 0; i < kChunk; ++i) values[i] = f16_to_f32(halves[i]);
    } else {
        for (std::size_t i = 0; i < kChunk; ++i) values[i] = bf16_to_f32(halves[i]);
    }
}

/// Calls f(column, count, values) for every chunk of a source row; the values behind `count` are unspecified.
template <class F>
inline void for_each_chunk(const QuantizeArgs& args, const std::byte* row, const F& f) noexcept {
    float values[kChunk] = {};
    for (std::size_t column = 0; column < args.dim; column += kChunk) {
        const std::size_t count = args.dim - column < kChunk ? args.dim - column : kChunk;
        widen(args, row, column, count, values);
        f(column, count, values);
    }
}

struct Extremes {
    float min = kLargestFloat;
    float max = -kLargestFloat;
    bool finite = true;
};

/// Smallest and largest value of a row. Which of several equal ones is taken shows in the sign of zero, so the order is
/// that of FBGEMM: eight lanes in which the later value wins, then across the lanes and on over the last dim % 8
/// columns, in which the earlier one does.
class ExtremesFinder {
public:
    void add(std::size_t count, const float (&values)[kChunk]) noexcept {
        const std::size_t whole = count / kLanes * kLanes;
        for (std::size_t c = 0; c < whole; c += kLanes) {
            for (std::size_t i = 0; i < kLanes; ++i) {
                const float x = values[c + i];
                min_[i] = min_[i] < x ? min_[i] : x;
                max_[i] = max_[i] > x ? max_[i] : x;
                not_finite_[i] |= is_finite(x) ? 0u : 1u;
            }
        }
        num_tail_ = count - whole;
        std::memcpy(tail_, values + whole, num_tail_ * sizeof(float));
    }

    Extremes finish() const noexcept {
        Extremes row;
        for (std::size_t i = 0; i < kLanes; ++i) {
            row.finite = row.finite && not_finite_[i] == 0;
            take(row, min_[i], max_[i]);
        }
        for (std::size_t i = 0; i < num_tail_; ++i) {
            row.finite = row.finite && is_finite(tail_[i]);
            take(row, tail_[i], tail_[i]);
        }
        return row;
    }

private:
    static constexpr std::size_t kLanes = 8;

    static void take(Extremes& row, float min, float max) noexcept {
        row.min = min < row.min ? min : row.min;
        row.max = max > row.max ? max : row.max;
    }

    float min_[kLanes] = {kLargestFloat, kLargestFloat, kLargestFloat, kLargestFloat,
                          kLargestFloat, kLargestFloat, kLargestFloat, kLargestFloat};
    float max_[kLanes] = {-kLargestFloat, -kLargestFloat, -kLargestFloat, -kLargestFloat,
                          -kLargestFloat, -kLargestFloat, -kLargestFloat, -kLargestFloat};
    std::uint32_t not_finite_[kLanes] = {};
    float tail_[kLanes] = {};
    std::size_t num_tail_ = 0;
};

/// What is stored of a row's range, and what its codes are computed with.
struct Coding {
    float scale;
    float bias;
    float inverse;  ///< code = round((x - bias) * inverse)
    bool finite;
};

/// 8 bits with f32 parameters: semantics of FloatOrHalfToFused8BitRowwiseQuantizedSBFloat.
inline Coding coding_f32(const Extremes& row) noexcept {
    const float range = row.max - row.min;
    return {range / 255.0f, row.min, 255.0f / (range + 1e-8f), row.finite && is_finite(range)};
}

/// `bits` bits with f16 parameters: semantics of FloatOrHalfToFusedNBitRowwiseQuantizedSBHalf.
inline Coding coding_f16(const Extremes& row, std::size_t bits) noexcept {
    const float bias = f16_to_f32(f32_to_f16(row.min));
    const float range = row.max - bias;
    float scale = range == 0 ? 1.0f : range / static_cast<float>((1u << bits) - 1);
    scale = f16_to_f32(f32_to_f16(scale));
    const bool finite = row.finite && is_finite(bias) && is_finite(scale);
    if (scale == 0 || !is_finite(1.0f / scale)) scale = 1.0f;
    return {scale, bias, 1.0f / scale, finite};
}

/// Codes of a chunk, the ones behind `count` zero.
inline void encode(const Coding& coding, std::size_t bits, std::size_t count, float (&values)[kChunk],
                   std::uint8_t (&codes)[kChunk]) noexcept {
    const float largest = static_cast<float>((1u << bits) - 1);
    for (std::size_t i = count; i < kChunk; ++i) values[i] = coding.bias;
    for (std::size_t i = 0; i < kChunk; ++i) {
        float code = (values[i] - coding.bias) * coding.inverse;
        code = code > 0 ? code : 0;
        code = code < largest ? code : largest;
        // 1.5 * 2^23 has a spacing of one: the sum rounds to the nearest integer, ties to even, as lrintf does.
        codes[i] = static_cast<std::uint8_t>(bits_of(code + 12582912.0f));
    }
}

/// Packs 8 / bits codes into each byte, the first one lowest.
inline void pack(std::size_t bits, const std::uint8_t (&codes)[kChunk], std::uint8_t (&bytes)[kChunk]) noexcept {
    if (bits == 8) {
        std::memcpy(bytes, codes, kChunk);
    } else if (bits == 4) {
        for (std::size_t i = 0; i < kChunk / 2; ++i) {
            bytes[i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
        }
    } else {
        for (std::size_t i = 0; i < kChunk / 4; ++i) {
            bytes[i] = static_cast<std::uint8_t>(codes[4 * i] | codes[4 * i + 1] << 2 | codes[4 * i + 2] << 4 |
                                                 codes[4 * i + 3] << 6);
        }
    }
}

inline void write_qparams(const QuantizeArgs& args, const Coding& coding, std::byte* p) noexcept {
    if (args.format == RowFormat::int8) {
        const float qparams[] = {coding.scale, coding.bias};
        std::memcpy(p, qparams, sizeof qparams);
    } else {
        const std::uint16_t qparams[] = {f32_to_f16(coding.scale), f32_to_f16(coding.bias)};
        std::memcpy(p, qparams, sizeof qparams);
    }
}

/// One row to a coded format; false when its values, scale or bias are not finite.
inline bool quantize_row(const QuantizeArgs& args, const std::byte* row, std::byte* out) noexcept {
    const std::size_t bits = element_bits(args.format);
    const RowLayout layout = row_layout(args.format, args.dim);
    ExtremesFinder finder;
    for_each_chunk(args, row,
                   [&](std::size_t, std::size_t count, float(&values)[kChunk]) { finder.add(count, values); });
    const Extremes extremes = finder.finish();
    const Coding coding = args.format == RowFormat::int8 ? coding_f32(extremes) : coding_f16(extremes, bits);
    if (!coding.finite) return false;
    write_qparams(args, coding, out + layout.qparams_at);
    for_each_chunk(args, row, [&](std::size_t column, std::size_t count, float(&values)[kChunk]) {
        std::uint8_t codes[kChunk];
        std::uint8_t bytes[kChunk];
        encode(coding, bits, count, values, codes);
        pack(bits, codes, bytes);
        std::memcpy(out + layout.codes_at + column * bits / 8, bytes, (count * bits + 7) / 8);
    });
    return true;
}

/// One row to f32, f16 or bf16; false when a finite value would become infinite.
inline bool convert_row(const QuantizeArgs& args, const std::byte* row, std::byte* out) noexcept {
    if (args.format == args.source_format) {
        std::memcpy(out, row, args.dim * element_bits(args.format) / 8);
        return true;
    }
    std::uint32_t overflows = 0;
    for_each_chunk(args, row, [&](std::size_t column, std::size_t count, float(&values)[kChunk]) {
        if (args.format == RowFormat::f32) {
            std::memcpy(out + column * sizeof(float), values, count * sizeof(float));
            return;
        }
        std::uint16_t halves[kChunk];
        const bool is_f16 = args.format == RowFormat::f16;
        const std::uint32_t infinity = is_f16 ? 0x7c00 : 0x7f80;
        for (std::size_t i = 0; i < count; ++i) {
            halves[i] = is_f16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
            overflows |= is_finite(values[i]) && (halves[i] & 0x7fffu) == infinity ? 1u : 0u;
        }
        std::memcpy(out + column * sizeof(std::uint16_t), halves, count * sizeof(std::uint16_t));
    });
    return overflows == 0;
}

inline std::size_t quantize_rows(const QuantizeArgs& args) noexcept {
    const bool is_coded = qparams_bytes(args.format) != 0;
    for (std::size_t r = 0; r < args.rows; ++r) {
        const std::byte* row = args.source + r * args.source_stride;
        std::byte* out = args.out + r * args.out_stride;
        if (!(is_coded ? quantize_row(args, row, out) : convert_row(args, row, out))) return r;
    }
    return args.rows;
}

}  // namespace
}  // namespace rowpool::kernels
