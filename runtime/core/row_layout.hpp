// The positions of codes, scale and bias in a row: the only description of the row formats in code (docs/FORMAT.md).
#pragma once

#include <cstddef>

#include "rowpool/types.hpp"

namespace rowpool {

/// Bits of one stored element.
constexpr std::size_t element_bits(RowFormat format) noexcept {
    switch (format) {
        case RowFormat::f32:
            return 32;
        case RowFormat::f16:
        case RowFormat::bf16:
            return 16;
        case RowFormat::int8:
        case RowFormat::int8_f16:
        case RowFormat::tbe_int8:
            return 8;
        case RowFormat::int4:
        case RowFormat::tbe_int4:
            return 4;
        case RowFormat::int2:
        case RowFormat::tbe_int2:
            return 2;
    }
    return 0;
}

/// Bytes of scale and bias together; 0 for float rows.
constexpr std::size_t qparams_bytes(RowFormat format) noexcept {
    const bool is_float = format == RowFormat::f32 || format == RowFormat::f16 || format == RowFormat::bf16;
    return is_float ? 0 : format == RowFormat::int8 ? 8 : 4;
}

/// Byte positions within one row.
struct RowLayout {
    std::size_t codes_at;    ///< first code or value
    std::size_t code_bytes;  ///< bytes of all codes or values
    std::size_t qparams_at;  ///< scale, then bias; meaningless for float rows
};

constexpr RowLayout row_layout(RowFormat format, std::size_t dim) noexcept {
    const std::size_t code_bytes = (dim * element_bits(format) + 7) / 8;
    const bool qparams_first =
        format == RowFormat::tbe_int8 || format == RowFormat::tbe_int4 || format == RowFormat::tbe_int2;
    if (qparams_first) return {qparams_bytes(format), code_bytes, 0};
    return {0, code_bytes, code_bytes};
}

}  // namespace rowpool
