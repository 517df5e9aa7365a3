// Byte matrices that are rows in a coded format already: which ones, as the command line says.
#include "tools/inputs/packed.hpp"

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/pattern.hpp"

namespace rowpool::tools {

bool PackedRows::add(std::string_view option) {
    const std::size_t equals = option.rfind('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    const std::optional<RowFormat> format = parse_row_format(option.substr(equals + 1));
    if (!format || !is_coded(*format)) return false;
    options_.push_back({std::string(option.substr(0, equals)), *format});
    return true;
}

std::optional<RowFormat> PackedRows::take(std::string_view name) {
    for (Option& option : options_) {
        if (!matches(option.pattern, name)) continue;
        option.used = true;
        return option.format;
    }
    if (!options_.empty()) untaken_.emplace_back(name);
    return {};
}

void PackedRows::require_all_used() const {
    const std::vector<std::string_view> names(untaken_.begin(), untaken_.end());
    for (const Option& option : options_) {
        if (option.used) continue;
        fail("--packed ", printable(option.pattern), ": no input has a two-dimensional uint8 tensor of that name; ",
             names.empty() ? "there are no others" : "others are " + listed(names));
    }
}

}  // namespace rowpool::tools
