// Tables as options of the command line name them.
#include "tools/convert/choice.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/pattern.hpp"

namespace rowpool::tools {

namespace {

/// What of the pattern is for the name: all, or what follows "FILE:" where that is the table's input.
std::optional<std::string> own_part(const std::string& pattern, const std::string& file) {
    const std::string_view input = input_of(file);
    if (pattern.size() <= input.size() || !pattern.starts_with(input) || pattern[input.size()] != ':') return {};
    return pattern.substr(input.size() + 1);
}

bool is_name(const std::string& pattern, const Sources& sources) {
    return std::ranges::any_of(sources, [&](const std::unique_ptr<Source>& source) {
        const std::optional<std::string> part = own_part(pattern, source->file());
        return pattern == source->description().name || (part && *part == source->description().name);
    });
}

}  // namespace

std::vector<std::string_view> names_of(const Sources& sources) {
    std::vector<std::string_view> names;
    for (const std::unique_ptr<Source>& source : sources) names.push_back(source->description().name);
    return names;
}

std::string_view input_of(const std::string& file) { return std::string_view(file).substr(0, file.find(": member ")); }

bool chosen(const std::string& pattern, const std::string& file, const std::string& name) {
    const std::optional<std::string> part = own_part(pattern, file);
    return matches(pattern, name) || (part && matches(*part, name));
}

TableChoice parse_choice(const std::string& option, const Sources& sources) {
    std::size_t equals = option.find('=');
    if (equals == std::string::npos || is_name(option, sources)) return {option, {}};
    for (std::size_t at = option.rfind('='); at > equals; at = option.rfind('=', at - 1)) {
        if (is_name(option.substr(0, at), sources)) equals = at;
    }
    return {option.substr(0, equals), option.substr(equals + 1), true};
}

std::string renamed(TableChoice choice, const std::string& file, const std::string& name) {
    if (!choice.renames) return name;
    if (!matches(choice.pattern, name)) choice.pattern = *own_part(choice.pattern, file);
    const std::size_t star = choice.new_name.find('*');
    if (star == std::string::npos) return choice.new_name;
    const std::size_t wild = choice.pattern.find('*');
    constexpr const char* kSpecial = "*?[\\";
    const bool one_star = wild != std::string::npos && choice.pattern.find_first_of(kSpecial) == wild &&
                          choice.pattern.find_last_of(kSpecial) == wild;
    if (!one_star) fail("--table ", printable(choice.pattern), ": a new name with * needs a pattern with one *");
    const std::size_t after = choice.pattern.size() - wild - 1;
    const std::string matched = name.substr(wild, name.size() - wild - after);
    return choice.new_name.substr(0, star) + matched + choice.new_name.substr(star + 1);
}

void fail_unmatched(const std::string& pattern, const Sources& sources, const std::vector<LeftOut>& left_out) {
    const std::vector<std::string_view> names = names_of(sources);
    for (const LeftOut& tensor : left_out) {
        if (!chosen(pattern, tensor.file, tensor.name)) continue;
        fail(tensor.file, ": ", text_of(tensor), "; the tables are ", listed(names));
    }
    const std::string wider = "*" + pattern + "*";
    const bool would_match = std::ranges::any_of(names, [&](std::string_view name) { return matches(wider, name); });
    fail("no input has a table ", printable(pattern), "; there are ", listed(names),
         would_match ? ", some of which '" + printable(wider) + "' matches" : "");
}

}  // namespace rowpool::tools
