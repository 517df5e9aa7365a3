// What convert writes: which tables, from where, and in which coding.
#include "tools/convert/targets.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/converter.hpp"
#include "tools/inputs/pattern.hpp"

namespace rowpool::tools {

namespace {

/// Of rows so narrow that scale and bias take more than codes save, int8 would make larger ones.
bool grows(const TableShape& from, RowFormat to) {
    return is_coded(to) && row_bytes(to, from.dim) > row_bytes(from.format, from.dim);
}

RowFormat usual_format(const TableShape& from) {
    return is_coded(from.format) || grows(from, RowFormat::int8) ? from.format : RowFormat::int8;
}

std::string growth_reason(const TableShape& from, RowFormat to) {
    const std::size_t bytes = row_bytes(from.format, from.dim);
    const std::string own = std::string(to_string(from.format)) + " rows of " + std::to_string(bytes) + " bytes";
    if (grows(from, to)) return "larger than its " + own;
    const bool kept = to == from.format && !is_coded(to) && grows(from, RowFormat::int8);
    return kept ? "int8 would be larger than its " + own : "";
}

/// Unless told otherwise, coded rows stay as they are: coding them again would lose more.
RowCoding coding_for(const SelectedTable& table, const WantedCoding& wanted) {
    const RowFormat from = table.source->description().shape.format;
    const RowFormat usual = wanted.format.value_or(usual_format(table.source->description().shape));
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

std::vector<Target> choose_targets(const Sources& sources, const Selection& selection, const WantedCoding& coding,
                                   Reading& reading) {
    const std::vector<SelectedTable> tables = select_tables(sources, selection, reading);
    check_patterns(coding, tables);
    std::vector<Target> targets;
    for (const SelectedTable& table : tables) {
        targets.push_back(described(table.name, *table.source, coding_for(table, coding)));
        if (coding.format == targets.back().coding.format && !is_coded(targets.back().coding.format)) continue;
        targets.back().reason = growth_reason(table.source->description().shape, targets.back().coding.format);
    }
    return targets;
}

std::uint64_t source_bytes(const std::vector<Target>& targets) {
    std::uint64_t bytes = 0;
    for (const Target& target : targets) {
        bytes += stored_bytes(target.source->description().shape);
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
        std::string reason = std::move(targets[t].reason);
        targets[t] = described(std::move(targets[t].table.name), transforms.source(t), targets[t].coding);
        targets[t].reason = std::move(reason);
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
