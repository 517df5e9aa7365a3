// Which tables of the inputs are written, and under which names.
#include "tools/convert/selection.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/pattern.hpp"

namespace rowpool::tools {

namespace {

std::vector<std::string_view> names_of(const Sources& sources) {
    std::vector<std::string_view> names;
    for (const std::unique_ptr<Source>& source : sources) names.push_back(source->description().name);
    return names;
}

/// One --table option.
struct Choice {
    std::string pattern;
    std::string new_name;
    bool renames = false;
};

Choice parse_choice(const std::string& option) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) return {option, {}};
    return {option.substr(0, equals), option.substr(equals + 1), true};
}

/// The name that a matching table gets.
std::string renamed(const Choice& choice, const std::string& name) {
    if (!choice.renames) return name;
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

[[noreturn]] void fail_unmatched(const std::string& pattern, const Sources& sources) {
    const std::vector<std::string_view> names = names_of(sources);
    const std::string wider = "*" + pattern + "*";
    const bool would_match = std::ranges::any_of(names, [&](std::string_view name) { return matches(wider, name); });
    fail("no input has a table ", printable(pattern), "; there are ", listed(names),
         would_match ? ", some of which '" + printable(wider) + "' matches" : "");
}

/// The sources that no --exclude matches.
std::vector<const Source*> without_excluded(const Sources& sources, const std::vector<std::string>& patterns) {
    std::vector<const Source*> left;
    for (const std::unique_ptr<Source>& source : sources) left.push_back(source.get());
    for (const std::string& pattern : patterns) {
        const auto excluded = [&](const auto& source) { return matches(pattern, source->description().name); };
        if (std::ranges::none_of(sources, excluded)) fail_unmatched(pattern, sources);
        std::erase_if(left, excluded);
    }
    if (left.empty()) fail("--exclude leaves no table of ", listed(names_of(sources)));
    return left;
}

/// Table files have their own rules for names; this says what to do about them.
void check_name(const SelectedTable& table) {
    const std::string& name = table.name;
    if (!name.empty() && name.size() <= kLongestTableName && name == one_line(name) && !name.starts_with("__")) return;
    const bool unnamed = table.source->description().name.empty();
    fail(table.source->file(), ": table ", printable(name), ": no name for a table file: it must have 1 to ",
         kLongestTableName,
         " bytes of UTF-8 without characters that control a terminal or the direction of text, not \"__\" first; ",
         unnamed ? "a tensor that was saved alone has none: name it with --table '=NEWNAME'"
                 : "rename it with --table 'PATTERN=NEWNAME'");
}

void check_names(const std::vector<SelectedTable>& tables) {
    std::map<std::string_view, const Source*> seen;
    for (const SelectedTable& table : tables) {
        check_name(table);
        const auto [earlier, is_new] = seen.emplace(table.name, table.source);
        if (is_new) continue;
        fail("two tables would be called ", printable(table.name), ": ", earlier->second->file(), " and ",
             table.source->file(), " each have one; rename one with --table 'NAME=NEWNAME'");
    }
}

}  // namespace

std::vector<SelectedTable> select_tables(const Sources& sources, const Selection& selection) {
    const std::vector<const Source*> candidates = without_excluded(sources, selection.excluded);
    std::vector<SelectedTable> tables;
    std::set<std::pair<const Source*, std::string>> taken;
    const std::vector<std::string> all = {"*"};
    for (const std::string& option : selection.tables.empty() ? all : selection.tables) {
        const Choice choice = parse_choice(option);
        bool found = false;
        for (const Source* source : candidates) {
            const std::string& name = source->description().name;
            if (!matches(choice.pattern, name)) continue;
            found = true;
            SelectedTable table = {source, renamed(choice, name)};
            if (taken.emplace(source, table.name).second) tables.push_back(std::move(table));
        }
        if (!found) fail_unmatched(choice.pattern, sources);
    }
    check_names(tables);
    return tables;
}

}  // namespace rowpool::tools
