// What convert writes: which tables, from where, and in which coding.
#include "tools/convert/targets.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/converter.hpp"
#include "tools/inputs/pattern.hpp"

namespace rowpool::tools {

namespace {

/// Unless told otherwise, coded rows stay as they are: coding them again would lose more.
RowCoding coding_for(const SelectedTable& table, const WantedCoding& wanted) {
    const RowFormat from = table.source->description().shape.format;
    const RowFormat usual = wanted.format.value_or(is_coded(from) ? from : RowFormat::int8);
    const RowCoding coding = {format_of(wanted, table.name).value_or(usual), wanted.method};
    if (coding.format != from && !is_available(coding)) {
        fail("--method ", to_string(coding.method), " quantizes to 4 or 2 bits, and table ",
             printable(table.source->description().name), " would be ", to_string(coding.format));
    }
    return coding;
}

void check_patterns(const WantedCoding& wanted, const std::vector<SelectedTable>& tables) {
    std::vector<std::string_view> names;
    for (const SelectedTable& table : tables) names.emplace_back(table.name);
    for (const FormatOf& option : wanted.format_of) {
        const auto fits = [&](std::string_view name) { return matches(option.pattern, name); };
        if (std::ranges::any_of(names, fits)) continue;
        fail("--format-of ", printable(option.pattern), ": no table has such a name; there are ", listed(names));
    }
}

/// The target of that name and source.
Target described(std::string name, const Source& source, RowCoding coding) {
    Target target = {&source, describe_target(source, coding), coding};
    target.table.name = std::move(name);
    return target;
}

}  // namespace

std::optional<RowFormat> format_of(const WantedCoding& wanted, const std::string& name) {
    std::optional<RowFormat> format;
    for (const FormatOf& option : wanted.format_of) {
        if (matches(option.pattern, name)) format = option.format;
    }
    return format;
}

std::vector<Target> choose_targets(const Sources& sources, const Selection& selection, const WantedCoding& coding) {
    const std::vector<SelectedTable> tables = select_tables(sources, selection);
    check_patterns(coding, tables);
    std::vector<Target> targets;
    for (const SelectedTable& table : tables) {
        targets.push_back(described(table.name, *table.source, coding_for(table, coding)));
    }
    return targets;
}

std::uint64_t source_bytes(const std::vector<Target>& targets) {
    std::uint64_t bytes = 0;
    for (const Target& target : targets) {
        const TableShape& shape = target.source->description().shape;
        bytes += shape.rows * row_bytes(shape.format, shape.dim);
    }
    return bytes;
}

void set_coding(Target& target, RowCoding coding) {
    target = described(std::move(target.table.name), *target.source, coding);
}

Transforms transform(const TransformOptions& options, const std::string& output, std::vector<Target>& targets) {
    std::vector<Transforms::Input> tables;
    for (const Target& target : targets) tables.push_back({target.table.name, target.source});
    Transforms transforms(options, tables, output);
    for (std::size_t t = 0; t < targets.size(); ++t) {
        targets[t] = described(std::move(targets[t].table.name), transforms.source(t), targets[t].coding);
    }
    return transforms;
}

void fall_back_to_f16(std::vector<Target>& targets) {
    DropBehind behind(source_bytes(targets));
    for (Target& target : targets) {
        const std::optional<std::string> bad_row = find_bad_row(*target.source, target.coding, behind);
        if (!bad_row) continue;
        set_coding(target, RowFormat::f16);
        target.reason = "stored as f16, because " + *bad_row;
    }
}

}  // namespace rowpool::tools
