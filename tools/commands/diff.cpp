// rowpool diff: what has changed from one file of tables to another.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/mapped_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/reading_options.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/compare/comparison.hpp"
#include "tools/inputs/open_sources.hpp"

namespace rowpool::tools {

namespace {

struct DiffOptions {
    std::string first;
    std::string second;
    Reading reading;
};

/// A table of either file, or of both.
struct Change {
    const Source* before = nullptr;
    const Source* after = nullptr;
    std::optional<Comparison> comparison = {};
};

bool same_shape(const Change& change) {
    const NewTable& before = change.before->description();
    const NewTable& after = change.after->description();
    return before.num_ids() == after.num_ids() && before.shape.dim == after.shape.dim;
}

/// What differs, in a few words; empty when nothing does.
std::string differences(const Change& change) {
    if (change.before == nullptr) return "only in B";
    if (change.after == nullptr) return "only in A";
    const NewTable& before = change.before->description();
    const NewTable& after = change.after->description();
    std::vector<std::string_view> words;
    if (!same_shape(change)) words.emplace_back("shape");
    if (before.shape.format != after.shape.format) words.emplace_back("format");
    if (before.shape.padding_index != after.shape.padding_index) words.emplace_back("padding");
    if (before.row_names != after.row_names) words.emplace_back("row names");
    if (change.comparison && change.comparison->pruned > 0) words.emplace_back("pruned ids");
    if (change.comparison && change.comparison->errors.changed() > 0) {
        words.emplace_back("values");
    } else if (change.comparison && change.comparison->stored_differently.value_or(0) > 0) {
        words.emplace_back("bytes");
    }
    return joined(words, ", ");
}

/// The number before and the number after, or the one that they both are.
template <class Value>
std::string both(const Change& change, const Value& value) {
    const std::string before = change.before == nullptr ? "" : value(change.before->description().shape);
    const std::string after = change.after == nullptr ? "" : value(change.after->description().shape);
    if (before.empty() || after.empty() || before == after) return before.empty() ? after : before;
    return before + " -> " + after;
}

std::vector<std::string> line_of(const Change& change) {
    const std::string words = differences(change);
    const std::optional<Comparison>& comparison = change.comparison;
    const Source& named = change.before == nullptr ? *change.after : *change.before;
    const auto count = [](std::optional<std::size_t> rows) { return rows ? std::to_string(*rows) : "-"; };
    std::vector<std::string> line = {
        printable(named.description().name),
        words.empty() ? "equal" : words,
        both(change, [](const TableShape& shape) { return std::to_string(shape.rows); }),
        both(change, [](const TableShape& shape) { return std::to_string(shape.dim); }),
        both(change, [](const TableShape& shape) { return std::string(to_string(shape.format)); }),
        both(change, [](const TableShape& shape) { return std::to_string(stored_bytes(shape)); }),
        comparison ? std::to_string(comparison->errors.changed()) : "-",
        comparison ? count(comparison->stored_differently) : "-"};
    for (std::string& text : error_texts(comparison ? &comparison->errors : nullptr)) line.push_back(std::move(text));
    return line;
}

/// All tables of A in their order, then those that only B has.
std::vector<Change> match(const Sources& a, const Sources& b) {
    const std::vector<std::optional<std::size_t>> matches = match_by_name(a, b);
    std::vector<Change> changes;
    std::vector<bool> matched(b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        changes.push_back({a[i].get(), matches[i] ? b[*matches[i]].get() : nullptr});
        if (matches[i]) matched[*matches[i]] = true;
    }
    for (std::size_t i = 0; i < b.size(); ++i) {
        if (!matched[i]) changes.push_back({nullptr, b[i].get()});
    }
    return changes;
}

void compare(std::vector<Change>& changes) {
    const auto comparable = [](const Change& change) {
        return change.before != nullptr && change.after != nullptr && same_shape(change);
    };
    std::uint64_t bytes = 0;
    for (const Change& change : changes) bytes += comparable(change) ? comparison_bytes(*change.before) : 0;
    Progress progress("comparing", bytes);
    for (Change& change : changes) {
        if (comparable(change)) change.comparison = compare_tables(*change.before, *change.after, progress);
    }
}

std::string summary_of(const std::string& path, const Sources& tables) {
    const std::size_t bytes = value_of(support::MappedFile::open(path)).bytes().size();
    return one_line(path) + ": " + std::to_string(tables.size()) + (tables.size() == 1 ? " table, " : " tables, ") +
           std::to_string(bytes) + " bytes";
}

void print_changes(const std::vector<Change>& changes) {
    std::vector<Column> columns = {{"table", false}, {"differs", false},         {"rows"},
                                   {"dim"},          {"format", false},          {"bytes"},
                                   {"rows changed"}, {"rows stored differently"}};
    const std::vector<Column> of_errors = error_columns();
    columns.insert(columns.end(), of_errors.begin(), of_errors.end());
    std::vector<std::vector<std::string>> lines;
    std::transform(changes.begin(), changes.end(), std::back_inserter(lines), line_of);
    print_aligned(columns, lines);
}

void diff(DiffOptions& options) {
    catch_interrupts();
    const Sources a = open_sources(options.first, options.reading);
    const Sources b = open_sources(options.second, options.reading);
    std::vector<Change> changes = match(a, b);
    compare(changes);
    std::cout << "A " << summary_of(options.first, a) << "\nB " << summary_of(options.second, b) << '\n';
    print_changes(changes);
    flush_output();
    const auto differs = [](const Change& change) { return !differences(change).empty(); };
    const auto different = std::count_if(changes.begin(), changes.end(), differs);
    if (different == 0) return;
    fail(options.first, " and ", options.second, " differ: ", different, " of ", changes.size(),
         changes.size() == 1 ? " table" : " tables");
}

}  // namespace

void add_diff(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("diff", "Compare the tables of two files");
    const auto options = std::make_shared<DiffOptions>();
    command.add_option("A", options->first, "Any file that convert reads")->required()->type_name("");
    command.add_option("B", options->second, "Another one; errors are those of its tables from A's")
        ->required()
        ->type_name("");
    add_reading_options(command, options->reading);
    command.footer(
        "Tables are compared with those of their names, or a single table with a single one. Files are equal when "
        "they\n"
        "have the same tables with the same shapes, formats, padding, row names and rows of ids; where else they came\n"
        "from and how their bytes are arranged does not matter.\n"
        "Exit status: 0 when they are equal; 1 with one line on standard error when they differ.");
    command.callback([options] { diff(*options); });
}

}  // namespace rowpool::tools
