// The numbers along an axis of a chart.
#include "tools/charts/axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace rowpool::tools {

namespace {

constexpr std::array kRound = {1.0, 2.0, 5.0};
constexpr double kSlack = 1e-9;           // of a number that was computed another way
constexpr double kLargestInUnits = 1e15;  // from here on numbers have an exponent
constexpr int kMostDigits = 10;           // of a label
constexpr double kDecadesWithMarks = 3;   // up to which 2 and 5 times a power of ten have marks

double power_of_ten(double value) { return std::pow(10.0, std::floor(std::log10(value) + kSlack)); }

double round_up(double value) {
    const double power = power_of_ten(value);
    for (const double factor : kRound) {
        if (value <= factor * power * (1 + kSlack)) return factor * power;
    }
    return 10 * power;
}

double round_down(double value) {
    const double power = power_of_ten(value);
    const auto above = [&](double factor) { return factor * power > value * (1 + kSlack); };
    return *std::prev(std::find_if(kRound.begin() + 1, kRound.end(), above)) * power;
}

/// Without what %g writes into an exponent for the sake of columns: "1e-06" is 1e-6.
std::string short_exponent(std::string text) {
    const std::size_t e = text.find('e');
    if (e == std::string::npos) return text;
    std::size_t digits = e + 1;
    if (text[digits] == '+') text.erase(digits, 1);
    if (text[digits] == '-') ++digits;
    while (text[digits] == '0' && digits + 1 < text.size()) text.erase(digits, 1);
    return text;
}

struct Unit {
    double size;
    const char* name;
};

/// What a number is shown in: thousands and so on where it would have more than four digits.
Unit unit_of(double size) {
    static constexpr std::array kUnits = {Unit{1e12, "T"}, Unit{1e9, "G"}, Unit{1e6, "M"}};
    if (size < 1e4 || size >= kLargestInUnits) return {1, ""};
    for (const Unit& unit : kUnits) {
        if (size >= unit.size) return unit;
    }
    return {1e3, "k"};
}

/// The power of ten of a number's first digit.
int exponent_of(double size) { return static_cast<int>(std::floor(std::log10(size) + kSlack)); }

/// A number to as many digits as tell it from the one that is `step` away: "0.25", "1e-6", "20k", "1.5M".
std::string label_of(double value, double step) {
    const double size = std::abs(value);
    if (size < step * kSlack) return "0";
    const Unit unit = unit_of(size);
    // All digits before the point, or %g would write 10 as 1e+01.
    const int whole = size < kLargestInUnits ? exponent_of(size / unit.size) + 1 : 1;
    const int digits = std::max({1, whole, exponent_of(size) - exponent_of(step) + 1});
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*g", std::min(digits, kMostDigits), value / unit.size);
    return short_exponent(text.data()) + unit.name;
}

std::vector<Tick> linear_ticks(const Scale& scale, std::size_t most) {
    const double width = scale.high - scale.low;
    const double step = round_up(width / static_cast<double>(most));
    const double first = std::ceil((scale.low - width * kSlack) / step);
    std::vector<Tick> ticks;
    for (std::size_t i = 0; i <= most; ++i) {
        const double value = (first + static_cast<double>(i)) * step;
        if (value <= scale.high + width * kSlack) ticks.push_back({value, label_of(value, step)});
    }
    return ticks;
}

std::vector<Tick> log_ticks(const Scale& scale, std::size_t most) {
    const double decades = std::log10(scale.high) - std::log10(scale.low);
    const bool labels_between = decades * kRound.size() <= static_cast<double>(most);
    const auto every = std::max(1.0, std::ceil(decades / static_cast<double>(most) - kSlack));
    const double first = std::floor(std::log10(scale.low) + kSlack);
    std::vector<Tick> ticks;
    for (double power = first; power <= std::log10(scale.high) + kSlack; ++power) {
        for (const double factor : kRound) {
            const double value = factor * std::pow(10.0, power);
            const bool inside = value >= scale.low * (1 - kSlack) && value <= scale.high * (1 + kSlack);
            if (!inside || (factor != 1 && decades > kDecadesWithMarks)) continue;
            const bool labelled = labels_between || (factor == 1 && std::fmod(power - first, every) == 0);
            ticks.push_back({value, labelled ? label_of(value, value) : ""});
        }
    }
    return ticks;
}

}  // namespace

double Scale::place(double value) const {
    const double share =
        log ? std::log(std::max(value, low) / low) / std::log(high / low) : (value - low) / (high - low);
    return std::clamp(share, 0.0, 1.0);
}

Scale scale_from_zero(double high) {
    constexpr double kSteps = 5;
    const double step = round_up(high / kSteps);
    return {0, step * std::ceil(high / step - kSlack), false};
}

Scale log_scale(double low, double high) {
    const Scale scale = {round_down(low), round_up(high), true};
    return scale.low < scale.high ? scale : Scale{scale.low, round_up(scale.low * 2), true};
}

std::vector<Tick> ticks_of(const Scale& scale, std::size_t most) {
    return scale.log ? log_ticks(scale, most) : linear_ticks(scale, most);
}

}  // namespace rowpool::tools
