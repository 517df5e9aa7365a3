// rowpool verify: whether a file is what was written, and how far it is from what it was made of.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/mapped_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/options.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/reading_options.hpp"
#include "tools/compare/comparison.hpp"
#include "tools/convert/join.hpp"
#include "tools/inputs/open_sources.hpp"

namespace rowpool::tools {

namespace {

struct VerifyOptions {
    std::string file;
    std::vector<std::string> against;
    std::vector<std::string> joins;
    Reading reading;
};

/// A table of the file and what it was made of.
struct Pair {
    const Source* table;
    const Source* source;
};

void check_sums(const TableFile& file, std::uint64_t bytes) {
    Progress progress("verifying", bytes);
    std::mutex counting;
    check(file.verify([&](std::uint64_t more) {
        const std::lock_guard lock(counting);
        progress.advance(more);
    }));
}

Sources open_against(VerifyOptions& options) {
    options.reading.joins = !options.joins.empty();
    Sources sources;
    for (const std::string& path : options.against) {
        for (std::unique_ptr<Source>& source : open_sources(path, options.reading))
            sources.push_back(std::move(source));
    }
    sources = join_tables(std::move(sources), options.joins, options.reading);
    std::set<std::string> names;
    for (const std::unique_ptr<Source>& source : sources) {
        const std::string& name = source->description().name;
        if (!names.insert(name).second) fail(source->file(), ": a second table ", printable(name), " to compare with");
    }
    return sources;
}

/// The source that the file records as the origin of its table: it may have got a new name.
const Source* recorded_source(const TableFile& file, std::size_t table, const Sources& sources) {
    const std::string& origin = file.origin(table).source;
    const auto is_it = [&](const std::unique_ptr<Source>& source) { return source->description().source == origin; };
    const auto found = std::find_if(sources.begin(), sources.end(), is_it);
    return found == sources.end() ? nullptr : found->get();
}

void check_shapes(const std::string& path, const Pair& pair) {
    const NewTable& ours = pair.table->description();
    const NewTable& theirs = pair.source->description();
    if (ours.num_ids() == theirs.num_ids() && ours.shape.dim == theirs.shape.dim) return;
    fail(path, ": table ", printable(ours.name), " is ", ours.num_ids(), " x ", ours.shape.dim, ", but ",
         theirs.num_ids(), " x ", theirs.shape.dim, " in ", pair.source->file());
}

std::vector<Pair> match(const TableFile& file, const Sources& tables, const Sources& sources) {
    const std::vector<std::optional<std::size_t>> by_name = match_by_name(tables, sources);
    std::vector<Pair> pairs;
    std::vector<std::string_view> missing;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const std::string_view name = tables[i]->description().name;
        const Source* source = by_name[i] ? sources[*by_name[i]].get() : recorded_source(file, i, sources);
        if (source == nullptr) {
            missing.push_back(name);
        } else {
            pairs.push_back({tables[i].get(), source});
            check_shapes(file.path(), pairs.back());
        }
    }
    if (!missing.empty()) fail(file.path(), ": nothing to compare with for ", listed(missing));
    return pairs;
}

void say_what_is_left(const std::vector<Pair>& pairs, const Sources& sources) {
    std::vector<std::string_view> left;
    for (const std::unique_ptr<Source>& source : sources) {
        const auto used = [&](const Pair& pair) { return pair.source == source.get(); };
        if (std::none_of(pairs.begin(), pairs.end(), used)) left.push_back(source->description().name);
    }
    if (!left.empty()) std::cout << "only in the source: " << listed(left) << '\n';
}

/// The lines of the printed table, and what is to be said below it.
struct Compared {
    std::vector<std::vector<std::string>> lines;
    std::vector<std::string> notes;
};

Compared compare_all(const std::vector<Pair>& pairs) {
    std::uint64_t bytes = 0;
    for (const Pair& pair : pairs) bytes += comparison_bytes(*pair.source);
    Progress progress("comparing", bytes);
    Compared compared;
    for (const auto& [table, source] : pairs) {
        const TableShape& shape = table->description().shape;
        const Comparison comparison = compare_tables(*source, *table, progress);
        std::vector<std::vector<std::string>>& lines = compared.lines;
        lines.push_back({printable(table->description().name), std::to_string(shape.rows), std::to_string(shape.dim),
                         std::string(to_string(shape.format)),
                         std::string(to_string(source->description().shape.format))});
        for (std::string& text : error_texts(&comparison.errors)) lines.back().push_back(std::move(text));
        if (comparison.pruned == 0) continue;
        compared.notes.push_back("pruned, not compared: " + std::to_string(comparison.pruned) + " of " +
                                 std::to_string(table->description().num_ids()) + " ids of " + lines.back().front());
    }
    return compared;
}

void print_comparison(const std::vector<std::vector<std::string>>& lines) {
    std::vector<Column> columns = {{"table", false}, {"rows"}, {"dim"}, {"format", false}, {"of", false}};
    const std::vector<Column> of_errors = error_columns();
    columns.insert(columns.end(), of_errors.begin(), of_errors.end());
    print_aligned(columns, lines);
}

void verify(VerifyOptions& options) {
    catch_interrupts();
    const TableFile file = open_table_file(options.file);
    const std::size_t bytes = value_of(support::MappedFile::open(options.file)).bytes().size();
    const Sources sources = open_against(options);
    const Sources tables = sources.empty() ? Sources() : open_sources(options.file);
    const std::vector<Pair> pairs = match(file, tables, sources);
    check_sums(file, bytes);
    const Compared compared = compare_all(pairs);
    std::cout << one_line(options.file) << ": " << file.tables().size()
              << (file.tables().size() == 1 ? " table, " : " tables, ") << bytes << " bytes, "
              << (file.has_metadata() ? "all checksums match" : "no checksums to compare with") << '\n';
    if (sources.empty()) return;
    print_comparison(compared.lines);
    for (const std::string& note : compared.notes) std::cout << note << '\n';
    say_what_is_left(pairs, sources);
}

}  // namespace

void add_verify(CLI::App& app) {
    CLI::App& command =
        *app.add_subcommand("verify", "Compare a whole table file with its checksums, and with what it was made of");
    const auto options = std::make_shared<VerifyOptions>();
    command.add_option("FILE", options->file, "Table file")->required()->type_name("");
    add_repeated(command, "--against", options->against, "SOURCE",
                 "Also print how far each table is from this source, any file that convert reads; may be repeated");
    add_join(command, options->joins);
    add_reading_options(command, options->reading);
    command.footer(
        "Tables are compared with the ones of their names in the sources, or else with the ones that the file records\n"
        "as their origins, or a single table with a single one. One without a counterpart or of another shape is an\n"
        "error; tables that only a source has are listed.");
    command.callback([options] { verify(*options); });
}

}  // namespace rowpool::tools
