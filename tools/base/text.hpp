// How names, sizes and shapes are shown to people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "support/text.hpp"

namespace rowpool::tools {

using support::one_line;
using support::printable;

/// The texts with the separator between two of them.
std::string joined(std::span<const std::string_view> texts, std::string_view separator);

/// The first few names, each printable, and how many more there are.
std::string listed(std::span<const std::string_view> names);

/// Bytes in the largest decimal unit that fits: "3.1 MB".
std::string human_bytes(std::uint64_t bytes);

/// A number with a few significant digits: "0.00123", "1.2e-09".
std::string short_number(double value);

/// A cosine with digits enough for those just below 1: "0.999982".
std::string cosine_text(double cosine);

/// A shape as Python writes it: "(3, 4)", "(3,)", "()".
std::string shape_text(std::span<const std::size_t> shape);

}  // namespace rowpool::tools
