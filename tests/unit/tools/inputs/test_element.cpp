// Elements of other programs' matrices: 8-bit floating point by a second formula, and the others by examples.
#include "tools/inputs/element.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace rowpool::tools {
namespace {

/// Built bit by bit as a binary32: its exponent and its mantissa from those of the code, which is normalized first.
float assembled(unsigned code, unsigned mantissa_bits, int bias) {
    const std::uint32_t sign = code >> 7;
    std::uint32_t mantissa = code & ((1U << mantissa_bits) - 1);
    int exponent = static_cast<int>(code >> mantissa_bits & ((1U << (7 - mantissa_bits)) - 1));
    if (exponent == 0 && mantissa == 0) return sign != 0 ? -0.0F : 0.0F;
    if (exponent == 0) {
        exponent = 1;
        while (mantissa >> mantissa_bits == 0) {
            mantissa <<= 1;
            --exponent;
        }
        mantissa &= (1U << mantissa_bits) - 1;
    }
    const auto biased = static_cast<std::uint32_t>(exponent - bias + 127);
    return std::bit_cast<float>(sign << 31 | biased << 23 | mantissa << (23 - mantissa_bits));
}

bool same(float a, float b) { return std::isnan(a) ? std::isnan(b) : std::bit_cast<int>(a) == std::bit_cast<int>(b); }

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_CASE("all codes of 8-bit floating point") {
    for (unsigned code = 0; code < 256; ++code) {
        CAPTURE(code);
        const unsigned magnitude = code & 0x7f;
        const float sign = code > 0x7f ? -1.0F : 1.0F;
        CHECK(same(byte_values(Element::f8_e4m3)[code], magnitude == 0x7f ? kNaN : assembled(code, 3, 7)));
        const float above = magnitude == 0x7c ? sign * kInfinity : kNaN;
        CHECK(same(byte_values(Element::f8_e5m2)[code], magnitude >= 0x7c ? above : assembled(code, 2, 15)));
        CHECK(same(byte_values(Element::f8_e4m3fnuz)[code], code == 0x80 ? kNaN : assembled(code, 3, 8)));
        CHECK(same(byte_values(Element::f8_e5m2fnuz)[code], code == 0x80 ? kNaN : assembled(code, 2, 16)));
    }
}

TEST_CASE("ends of the ranges, as the specification lists them") {
    const auto& e4m3 = byte_values(Element::f8_e4m3);
    CHECK(e4m3[0x7e] == 448);
    CHECK(e4m3[0x08] == 0x1p-6F);
    CHECK(e4m3[0x01] == 0x1p-9F);
    CHECK(std::signbit(e4m3[0x80]));
    const auto& e5m2 = byte_values(Element::f8_e5m2);
    CHECK(e5m2[0x7b] == 57344);
    CHECK(e5m2[0x04] == 0x1p-14F);
    CHECK(e5m2[0x01] == 0x1p-16F);
    CHECK(byte_values(Element::f8_e4m3fnuz)[0x7f] == 240);
    CHECK(byte_values(Element::f8_e5m2fnuz)[0x7f] == 57344);
}

TEST_CASE("integers of a byte") {
    for (int code = 0; code < 256; ++code) {
        CHECK(byte_values(Element::u8)[static_cast<std::size_t>(code)] == static_cast<float>(code));
        CHECK(byte_values(Element::i8)[static_cast<std::size_t>(code)] ==
              static_cast<float>(code < 128 ? code : code - 256));
    }
}

/// The number whose bytes are those of `value`, behind one other byte.
template <class T>
double number(T value, Element element) {
    std::vector<std::byte> bytes(1 + sizeof value);
    std::memcpy(bytes.data() + 1, &value, sizeof value);
    REQUIRE(element_bytes(element) == sizeof value);
    return number_at(bytes.data() + 1, element);
}

TEST_CASE("wider elements, wherever they lie") {
    CHECK(number(std::int32_t{-70000}, Element::i32) == -70000);
    CHECK(number(std::int64_t{-128}, Element::i64) == -128);
    CHECK(number(std::uint16_t{0x3c01}, Element::f16) == 1 + 0x1p-10F);
    CHECK(number(std::uint16_t{0x8001}, Element::f16) == -0x1p-24F);
    CHECK(number(std::uint16_t{0x7bff}, Element::f16) == 65504);
    CHECK(number(std::uint16_t{0xfc00}, Element::f16) == -kInfinity);
    CHECK(std::isnan(number(std::uint16_t{0x7c01}, Element::f16)));
    CHECK(number(std::uint16_t{0xc049}, Element::bf16) == -3.140625F);
    CHECK(number(1.5F, Element::f32) == 1.5F);
    CHECK(number(0.1, Element::f64) == 0.1);
}

}  // namespace
}  // namespace rowpool::tools
