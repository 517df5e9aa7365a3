// Converts rows of floats to any row format, with the arithmetic of FBGEMM's AVX2 code, which PyTorch's prepack
// operators run (QuantUtilsAvx2.cc: FloatOrHalfToFused8BitRowwiseQuantizedSBFloat,
// FloatOrHalfToFusedNBitRowwiseQuantizedSBHalf).
//
// Plain loops over short buffers: the compiler vectorizes them for each instruction set, and since every step is a
// correctly rounded operation on one element, the bits are the same on all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/half.hpp"
#include "core/row_layout.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/quantization/coding.hpp"

namespace rowpool::kernels {
namespace {

/// Columns processed at a time.
constexpr std::size_t kChunk = 64;
constexpr float kLargestFloat = 0x1.fffffep127f;

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

/// Calls f(column, count, values) for every chunk of a source row; the values after `count` are unspecified.
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

/// The smallest and the largest value of a row. Which of several equal values is taken matters for the sign of zero, so
/// the order is that of FBGEMM: first in eight lanes, where the later value wins, then across the lanes and over the
/// last dim % 8 columns, where the earlier one wins.
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

/// The codes of a chunk; those after `count` are zero.
inline void encode(const Coding& coding, std::size_t bits, std::size_t count, float (&values)[kChunk],
                   std::uint8_t (&codes)[kChunk]) noexcept {
    const float largest = static_cast<float>((1u << bits) - 1);
    for (std::size_t i = count; i < kChunk; ++i) values[i] = coding.bias;
    for (std::size_t i = 0; i < kChunk; ++i) {
        codes[i] = static_cast<std::uint8_t>(bits_of(shifted_code(values[i], coding.bias, coding.inverse, largest)));
    }
}

/// Packs 8 / bits codes into each byte, the first one in the lowest bits.
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
    if (args.coding.format == RowFormat::int8) {
        const float qparams[] = {coding.scale, coding.bias};
        std::memcpy(p, qparams, sizeof qparams);
    } else {
        const std::uint16_t qparams[] = {f32_to_f16(coding.scale), f32_to_f16(coding.bias)};
        std::memcpy(p, qparams, sizeof qparams);
    }
}

/// Scale and bias of a row by min_max; non-finite where the format cannot represent the row.
inline Coding min_max_coding(const QuantizeArgs& args, const std::byte* row) noexcept {
    ExtremesFinder finder;
    for_each_chunk(args, row,
                   [&](std::size_t, std::size_t count, float(&values)[kChunk]) { finder.add(count, values); });
    const Extremes extremes = finder.finish();
    Coding coding = args.coding.format == RowFormat::int8
                        ? coding_f32(extremes.min, extremes.max)
                        : coding_f16(extremes.min, extremes.max, element_bits(args.coding.format));
    coding.finite = coding.finite && extremes.finite;
    return coding;
}

/// Writes a coded row: scale, bias and codes.
inline void write_row(const QuantizeArgs& args, const Coding& coding, const std::byte* row, std::byte* out) noexcept {
    const std::size_t bits = element_bits(args.coding.format);
    const RowLayout layout = row_layout(args.coding.format, args.dim);
    write_qparams(args, coding, out + layout.qparams_at);
    for_each_chunk(args, row, [&](std::size_t column, std::size_t count, float(&values)[kChunk]) {
        std::uint8_t codes[kChunk];
        std::uint8_t bytes[kChunk];
        encode(coding, bits, count, values, codes);
        pack(bits, codes, bytes);
        std::memcpy(out + layout.codes_at + column * bits / 8, bytes, (count * bits + 7) / 8);
    });
}

/// Converts one row to a coded format by min_max; false when its values, scale or bias are non-finite.
inline bool quantize_row(const QuantizeArgs& args, const std::byte* row, std::byte* out) noexcept {
    const Coding coding = min_max_coding(args, row);
    if (coding.finite) write_row(args, coding, row, out);
    return coding.finite;
}

/// Converts one row to f32, f16 or bf16; false when a finite value would become infinite.
inline bool convert_row(const QuantizeArgs& args, const std::byte* row, std::byte* out) noexcept {
    if (args.coding.format == args.source_format) {
        std::memcpy(out, row, args.dim * element_bits(args.coding.format) / 8);
        return true;
    }
    std::uint32_t overflows = 0;
    for_each_chunk(args, row, [&](std::size_t column, std::size_t count, float(&values)[kChunk]) {
        if (args.coding.format == RowFormat::f32) {
            std::memcpy(out + column * sizeof(float), values, count * sizeof(float));
            return;
        }
        std::uint16_t halves[kChunk];
        const bool is_f16 = args.coding.format == RowFormat::f16;
        const std::uint32_t infinity = is_f16 ? 0x7c00 : 0x7f80;
        for (std::size_t i = 0; i < count; ++i) {
            halves[i] = is_f16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
            overflows |= is_finite(values[i]) && (halves[i] & 0x7fffu) == infinity ? 1u : 0u;
        }
        std::memcpy(out + column * sizeof(std::uint16_t), halves, count * sizeof(std::uint16_t));
    });
    return overflows == 0;
}

}  // namespace
}  // namespace rowpool::kernels
