// What convert writes: which tables, from where, and in which coding.
#include "targets.hpp"

#include <utility>

#include "converter.hpp"
#include "failure.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

/// Unless told otherwise, coded rows stay as they are: coding them again would lose more.
RowCoding coding_for(const Source& source, const WantedCoding& wanted) {
    const RowFormat from = source.description().shape.format;
    const RowCoding coding = {wanted.format.value_or(is_coded(from) ? from : RowFormat::int8), wanted.method};
    if (coding.format != from && !is_available(coding)) {
        fail("--method ", to_string(coding.method), " quantizes to 4 or 2 bits, and table ",
             printable(source.description().name), " would be ", to_string(coding.format));
    }
    return coding;
}

/// The target of that name and source.
Target described(std::string name, const Source& source, RowCoding coding) {
    Target target = {&source, describe_target(source, coding), coding};
    target.table.name = std::move(name);
    return target;
}

}  // namespace

std::vector<Target> choose_targets(const Sources& sources, const Selection& selection, const WantedCoding& coding) {
    std::vector<Target> targets;
    for (SelectedTable& table : select_tables(sources, selection)) {
        targets.push_back(described(std::move(table.name), *table.source, coding_for(*table.source, coding)));
    }
    return targets;
}

void set_coding(Target& target, RowCoding coding) {
    target = described(std::move(target.table.name), *target.source, coding);
}

Edits edit(const EditOptions& options, const std::string& output, std::vector<Target>& targets) {
    std::vector<Edits::Edited> tables;
    for (const Target& target : targets) tables.push_back({target.table.name, target.source});
    Edits edits(options, tables, output);
    for (std::size_t t = 0; t < targets.size(); ++t) {
        targets[t] = described(std::move(targets[t].table.name), edits.source(t), targets[t].coding);
    }
    return edits;
}

void fall_back_to_f16(std::vector<Target>& targets) {
    for (Target& target : targets) {
        const std::optional<std::string> bad_row = find_bad_row(*target.source, target.coding);
        if (!bad_row) continue;
        set_coding(target, RowFormat::f16);
        target.reason = "stored as f16, because " + *bad_row;
    }
}

}  // namespace rowpool::tools
