// What matrices of other programs are made of, as far as tables can be made from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rowpool::tools {

/// Unsigned bytes are those of rows that are coded already, or codes, as signed ones are. What a code stands for may
/// depend on scales; the other integers are zero points.
enum class Element : std::uint8_t {
    u8,
    i8,
    i32,
    i64,
    f8_e4m3,      ///< OCP 8-bit floating point, no infinity: torch.float8_e4m3fn
    f8_e5m2,      ///< OCP 8-bit floating point, as IEEE 754
    f8_e4m3fnuz,  ///< exponents one lower, one NaN in the place of -0
    f8_e5m2fnuz,
    f16,
    bf16,
    f32,
    f64
};

/// Bytes of one element.
constexpr std::size_t element_bytes(Element element) {
    if (element < Element::f16) return element == Element::i32 ? 4 : element == Element::i64 ? 8 : 1;
    if (element == Element::f16 || element == Element::bf16) return 2;
    return element == Element::f32 ? 4 : 8;
}

/// Whether numbers are of 8-bit floating point.
constexpr bool is_float8(Element element) { return element >= Element::f8_e4m3 && element <= Element::f8_e5m2fnuz; }
/// Whether numbers are of floating point that a table may have, or that narrows to one that it may have.
constexpr bool is_float(Element element) { return element >= Element::f16; }

/// The number at `at`, which is little-endian and need not be aligned; integers of over 53 bits are rounded.
double number_at(const std::byte* at, Element element);

/// What each byte stands for, of an element of one byte.
const std::array<float, 256>& byte_values(Element element);

}  // namespace rowpool::tools
