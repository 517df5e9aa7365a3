// Numbers with a unit behind them.
#include "tools/base/quantity.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace rowpool::tools {

namespace {

struct Unit {
    std::string_view name;
    double bytes;
};
constexpr Unit kUnits[] = {{"", 1},       {"K", 1e3},       {"M", 1e6},      {"G", 1e9},
                           {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

}  // namespace

std::optional<std::pair<double, std::string>> split_number(const std::string& text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc()) return {};
    return std::pair(value, std::string(stop, end));
}

std::optional<std::uint64_t> parse_bytes(const std::string& text) {
    constexpr double kMost = 1e18;
    const auto parts = split_number(text);
    if (!parts) return {};
    for (const Unit& unit : kUnits) {
        if (parts->second != unit.name) continue;
        const double bytes = parts->first * unit.bytes;
        if (!(bytes >= 0 && bytes <= kMost)) return {};
        return static_cast<std::uint64_t>(bytes);
    }
    return {};
}

}  // namespace rowpool::tools
