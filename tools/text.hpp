// How names, sizes and shapes are shown to people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rowpool::tools {

/// The text with '?' for every control character: names come from files, and a terminal obeys such characters.
std::string printable(std::string_view text);

/// Bytes in the largest decimal unit that fits: "3.1 MB".
std::string human_bytes(std::uint64_t bytes);

/// A number with a few significant digits: "0.00123", "1.2e-09".
std::string short_number(double value);

/// A shape as Python writes it: "(3, 4)", "(3,)", "()".
std::string shape_text(std::span<const std::size_t> shape);

}  // namespace rowpool::tools
