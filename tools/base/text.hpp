// Formats names, sizes and shapes for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "support/text.hpp"

namespace rowpool::tools {

using support::as_text;
using support::listed;
using support::one_line;
using support::printable;

/// Joins the texts with a separator.
std::string joined(std::span<const std::string_view> texts, std::string_view separator);

/// Bytes in the largest decimal unit that fits: "3.1 MB".
std::string human_bytes(std::uint64_t bytes);

/// A number with a few significant digits: "0.00123", "1.2e-09".
std::string short_number(double value);

/// A cosine with enough digits for values just below 1: "0.999982".
std::string cosine_text(double cosine);

/// A shape as Python writes it: "(3, 4)", "(3,)", "()".
std::string shape_text(std::span<const std::size_t> shape);

}  // namespace rowpool::tools
