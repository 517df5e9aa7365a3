// What matrices of other programs are made of, as far as tables can be made from them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rowpool::tools {

/// Bytes are those of rows that are coded already.
enum class Element : std::uint8_t { u8, f16, bf16, f32, f64 };

/// Bytes of one element.
constexpr std::size_t element_bytes(Element element) {
    if (element == Element::u8) return 1;
    if (element == Element::f16 || element == Element::bf16) return 2;
    return element == Element::f32 ? 4 : 8;
}

}  // namespace rowpool::tools
