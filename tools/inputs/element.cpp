// What matrices of other programs are made of, and the numbers that their elements are.
#include "tools/inputs/element.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "core/half.hpp"

namespace rowpool::tools {

namespace {

/// How a type of floating point spells what is no finite number.
enum class Specials : std::uint8_t {
    ieee,       ///< the highest exponent: infinity where the mantissa is 0, else NaN
    last_code,  ///< NaN where all bits but the sign are set; no infinity
    minus_zero  ///< NaN in the place of -0; no infinity
};

/// An 8-bit type of floating point: sign, exponent, mantissa.
struct FloatType {
    int exponent_bits;
    int mantissa_bits;
    int bias;
    Specials specials;
};

// OCP 8-bit Floating Point Specification (OFP8), revision 1.0, table 1; and for the fnuz types
// "8-bit Numerical Formats for Deep Neural Networks", Noune et al., 2022, as torch/headeronly/util/Float8_*fnuz.h has
// them.
constexpr FloatType kE4M3 = {4, 3, 7, Specials::last_code};
constexpr FloatType kE5M2 = {5, 2, 15, Specials::ieee};
constexpr FloatType kE4M3Fnuz = {4, 3, 8, Specials::minus_zero};
constexpr FloatType kE5M2Fnuz = {5, 2, 16, Specials::minus_zero};

/// Whether bits that are no infinity are a NaN.
bool is_nan(const FloatType& type, unsigned sign, unsigned exponent, unsigned mantissa) {
    const bool is_last = exponent == (1U << type.exponent_bits) - 1;
    switch (type.specials) {
        case Specials::ieee:
            return is_last && mantissa != 0;
        case Specials::last_code:
            return is_last && mantissa == (1U << type.mantissa_bits) - 1;
        case Specials::minus_zero:
            return sign != 0 && exponent == 0 && mantissa == 0;
    }
    return false;
}

/// Exact: f32 has more bits of both kinds.
float decoded(const FloatType& type, unsigned bits) {
    const unsigned exponent_mask = (1U << type.exponent_bits) - 1;
    const unsigned mantissa_mask = (1U << type.mantissa_bits) - 1;
    const unsigned exponent = bits >> type.mantissa_bits & exponent_mask;
    const unsigned mantissa = bits & mantissa_mask;
    const unsigned sign = bits >> (type.exponent_bits + type.mantissa_bits);
    float value = 0;
    if (is_nan(type, sign, exponent, mantissa)) {
        value = std::numeric_limits<float>::quiet_NaN();
    } else if (type.specials == Specials::ieee && exponent == exponent_mask) {
        value = std::numeric_limits<float>::infinity();
    } else {
        const unsigned hidden = exponent == 0 ? 0 : mantissa_mask + 1;
        const int power = (exponent == 0 ? 1 : static_cast<int>(exponent)) - type.bias - type.mantissa_bits;
        value = std::ldexp(static_cast<float>(hidden + mantissa), power);
    }
    return sign != 0 ? -value : value;
}

template <class T>
T loaded(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

std::array<float, 256> table_of(Element element) {
    std::array<float, 256> values{};
    for (unsigned code = 0; code < values.size(); ++code) {
        const auto byte = static_cast<std::byte>(code);
        values[code] = static_cast<float>(number_at(&byte, element));
    }
    return values;
}

template <Element element>
const std::array<float, 256>& table() {
    static const std::array<float, 256> values = table_of(element);
    return values;
}

}  // namespace

double number_at(const std::byte* at, Element element) {
    switch (element) {
        case Element::u8:
            return loaded<std::uint8_t>(at);
        case Element::i8:
            return loaded<std::int8_t>(at);
        case Element::i32:
            return loaded<std::int32_t>(at);
        case Element::i64:
            return static_cast<double>(loaded<std::int64_t>(at));
        case Element::f8_e4m3:
            return decoded(kE4M3, loaded<std::uint8_t>(at));
        case Element::f8_e5m2:
            return decoded(kE5M2, loaded<std::uint8_t>(at));
        case Element::f8_e4m3fnuz:
            return decoded(kE4M3Fnuz, loaded<std::uint8_t>(at));
        case Element::f8_e5m2fnuz:
            return decoded(kE5M2Fnuz, loaded<std::uint8_t>(at));
        case Element::f16:
            return f16_to_f32(loaded<std::uint16_t>(at));
        case Element::bf16:
            return bf16_to_f32(loaded<std::uint16_t>(at));
        case Element::f32:
            return loaded<float>(at);
        case Element::f64:
            break;
    }
    return loaded<double>(at);
}

const std::array<float, 256>& byte_values(Element element) {
    switch (element) {
        case Element::i8:
            return table<Element::i8>();
        case Element::f8_e4m3:
            return table<Element::f8_e4m3>();
        case Element::f8_e5m2:
            return table<Element::f8_e5m2>();
        case Element::f8_e4m3fnuz:
            return table<Element::f8_e4m3fnuz>();
        case Element::f8_e5m2fnuz:
            return table<Element::f8_e5m2fnuz>();
        default:
            return table<Element::u8>();
    }
}

}  // namespace rowpool::tools
