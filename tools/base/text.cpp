// How names, sizes and shapes are shown to people.
#include "tools/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rowpool::tools {

namespace {

std::string formatted(const char* format, double value, const char* unit = "") {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, value, unit);
    return text.data();
}

}  // namespace

std::string joined(std::span<const std::string_view> texts, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < texts.size(); ++i) (text += i == 0 ? "" : separator) += texts[i];
    return text;
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return std::to_string(bytes) + " bytes";
    double size = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    for (; size >= 999.95; ++unit) size /= 1000;
    return formatted("%.1f %s", size, kUnits[unit]);
}

std::string short_number(double value) { return formatted("%.3g%s", value); }

std::string cosine_text(double cosine) { return formatted("%.6f%s", cosine); }

std::string shape_text(std::span<const std::size_t> shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace rowpool::tools
