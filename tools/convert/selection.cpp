// Which tables of the inputs are written, and under which names.
#include "tools/convert/selection.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/choice.hpp"

namespace rowpool::tools {

namespace {

/// The sources that no --exclude matches.
std::vector<const Source*> without_excluded(const Sources& sources, const std::vector<std::string>& patterns,
                                            const std::vector<LeftOut>& left_out) {
    std::vector<const Source*> kept;
    for (const std::unique_ptr<Source>& source : sources) kept.push_back(source.get());
    for (const std::string& pattern : patterns) {
        const auto excluded = [&](const auto& source) {
            return chosen(pattern, source->file(), source->description().name);
        };
        const auto left = [&](const LeftOut& tensor) { return chosen(pattern, tensor.file, tensor.name); };
        if (std::ranges::none_of(sources, excluded) && std::ranges::none_of(left_out, left)) {
            fail_unmatched(pattern, sources, left_out);
        }
        std::erase_if(kept, excluded);
    }
    if (kept.empty()) fail("--exclude leaves no table of ", listed(names_of(sources)));
    return kept;
}

bool is_table_name(const std::string& name) {
    return !name.empty() && name.size() <= kLongestTableName && name == one_line(name) && !name.starts_with("__");
}

const std::string& name_rule() {
    static const std::string rule =
        "no name for a table file: it must have 1 to " + std::to_string(kLongestTableName) +
        " bytes of UTF-8 without characters that control a terminal or the direction of text, not \"__\" first; " +
        "rename it with --table 'PATTERN=NEWNAME'";
    return rule;
}

/// Table files have their own rules for names; this says what to do about them.
void check_name(const SelectedTable& table) {
    if (is_table_name(table.name)) return;
    fail(table.source->file(), ": table ", printable(table.name), ": ", name_rule());
}

/// How to give two tables two names.
std::string advice(const Source& a, const Source& b) {
    const std::string first(input_of(a.file()));
    const std::string second(input_of(b.file()));
    if (first == second) return "rename one with --table 'NAME=NEWNAME'";
    const std::string& name = b.description().name;
    return "say --table '" + first + ":" + a.description().name + "=NAME' --table '" + second + ":" + name + "=OTHER'";
}

void check_names(const std::vector<SelectedTable>& tables) {
    std::map<std::string_view, const Source*> seen;
    for (const SelectedTable& table : tables) {
        check_name(table);
        const auto [earlier, is_new] = seen.emplace(table.name, table.source);
        if (is_new) continue;
        fail("two tables would be called ", printable(table.name), ": ", earlier->second->file(), " and ",
             table.source->file(), " each have one; ", advice(*earlier->second, *table.source));
    }
}

/// Whether a name is a path into what torch.optim or those around it save: "optimizer.state.0.exp_avg".
bool is_optimizer_state(std::string_view name) {
    static constexpr std::array<std::string_view, 9> kLast = {"exp_avg",   "exp_avg_sq",      "max_exp_avg_sq",
                                                              "exp_inf",   "square_avg",      "grad_avg",
                                                              "acc_delta", "momentum_buffer", "momentum1"};
    if (std::ranges::count(kLast, name.substr(name.rfind('.') + 1)) != 0) return true;
    const bool of_optimizer = name.starts_with("optim") || name.find(".optim") != name.npos;
    if (of_optimizer && name.find(".state.") != name.npos) return true;
    constexpr std::string_view kState = "state.";
    return name.starts_with(kState) && name.size() > kState.size() && name[kState.size()] >= '0' &&
           name[kState.size()] <= '9';
}

/// Whether a tensor has what the codes of another one stand for: "emb.weight_scale" for "emb.weight".
bool is_scale_of(std::string_view name, std::string_view codes) {
    static constexpr std::array<std::string_view, 9> kSuffixes = {
        "scale", "scales", "scale_inv", "qscale", "qbias", "zero_point", "zero_points", "zeros", "absmax"};
    constexpr std::string_view kWeight = ".weight";
    for (const std::string_view stem :
         {codes, codes.ends_with(kWeight) ? codes.substr(0, codes.size() - kWeight.size()) : codes}) {
        if (!name.starts_with(stem) || name.size() < stem.size() + 2) continue;
        const char between = name[stem.size()];
        const std::string_view rest = name.substr(stem.size() + 1);
        if ((between == '.' || between == '_') && std::ranges::count(kSuffixes, rest) != 0) return true;
    }
    return false;
}

/// Those that are taken though nobody names them; the others are left out.
std::vector<const Source*> usual(const std::vector<const Source*>& candidates, Reading& reading) {
    std::vector<const Source*> kept;
    for (const Source* source : candidates) {
        std::string why = reason_to_leave(*source, reading.left_out);
        if (why.empty()) {
            kept.push_back(source);
            continue;
        }
        const NewTable& table = source->description();
        reading.left_out.push_back({std::string(input_of(source->file())), table.name,
                                    std::string(to_string(table.shape.format)) + " " +
                                        std::to_string(table.shape.rows) + " x " + std::to_string(table.shape.dim),
                                    why});
    }
    if (!kept.empty()) return kept;
    const LeftOut& first = reading.left_out.front();
    fail(first.file, ": no table in it that is taken without --table: ", text_of(first),
         reading.left_out.size() > 1 ? "; and " + std::to_string(reading.left_out.size() - 1) + " more" : "");
}

}  // namespace

std::string reason_to_leave(const Source& source, const std::vector<LeftOut>& left_out) {
    const std::string& name = source.description().name;
    if (!is_table_name(name)) return name_rule();
    if (is_optimizer_state(name)) return "optimizer state; --table takes it by its name";
    const auto of_it = [&](const LeftOut& tensor) {
        return tensor.file == input_of(source.file()) && is_scale_of(name, tensor.name);
    };
    const auto coded = std::ranges::find_if(left_out, of_it);
    if (coded == left_out.end()) return {};
    return "it belongs to " + printable(coded->name) + ", which is left out; --table takes it by its name";
}

std::vector<LeftOut> meant(const Selection& selection, const std::vector<LeftOut>& left_out) {
    std::vector<LeftOut> kept;
    for (const LeftOut& tensor : left_out) {
        const auto fits = [&](const std::string& pattern) { return chosen(pattern, tensor.file, tensor.name); };
        const auto is_chosen = [&](const std::string& option) { return fits(option.substr(0, option.find('='))); };
        if (std::ranges::any_of(selection.excluded, fits)) continue;
        if (!selection.tables.empty() && std::ranges::none_of(selection.tables, is_chosen)) continue;
        kept.push_back(tensor);
    }
    return kept;
}

std::vector<SelectedTable> select_tables(const Sources& sources, const Selection& selection, Reading& reading) {
    std::vector<const Source*> candidates = without_excluded(sources, selection.excluded, reading.left_out);
    if (selection.tables.empty()) candidates = usual(candidates, reading);
    std::vector<SelectedTable> tables;
    std::set<std::pair<const Source*, std::string>> taken;
    const std::vector<std::string> all = {"*"};
    for (const std::string& option : selection.tables.empty() ? all : selection.tables) {
        const TableChoice choice = parse_choice(option, sources);
        bool found = false;
        for (const Source* source : candidates) {
            const std::string& name = source->description().name;
            if (!chosen(choice.pattern, source->file(), name)) continue;
            found = true;
            SelectedTable table = {source, renamed(choice, source->file(), name)};
            if (taken.emplace(source, table.name).second) tables.push_back(std::move(table));
        }
        if (!found) fail_unmatched(choice.pattern, sources, reading.left_out);
    }
    check_names(tables);
    return tables;
}

}  // namespace rowpool::tools
