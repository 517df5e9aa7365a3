// rowpool convert: tables of any input format into one table file.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "converter.hpp"
#include "edits.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/types.hpp"
#include "source.hpp"
#include "standard_output.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

struct ConvertOptions {
    std::vector<std::string> inputs;
    std::string output;
    RowFormat format = RowFormat::int8;
    QuantizationMethod method = QuantizationMethod::min_max;
    std::vector<std::string> tables;
    EditOptions edits;
    OnBadRow on_bad_row = OnBadRow::fail;
};

RowCoding coding_of(const ConvertOptions& options) { return {options.format, options.method}; }

/// A table to write: where its rows come from and what it is called.
struct Target {
    const Source* source;
    NewTable table;
    std::string bad_row = {};  ///< why the table is f16 and not what was asked for; empty when it is
};

std::string format_choices() {
    std::vector<std::string_view> names;
    for (const RowFormat format : all_row_formats()) names.push_back(to_string(format));
    return joined(names, "|");
}

Sources open_all(const std::vector<std::string>& paths) {
    Sources all;
    for (const std::string& path : paths) {
        for (std::unique_ptr<Source>& source : open_sources(path)) all.push_back(std::move(source));
    }
    return all;
}

Target make_target(const Source& source, RowCoding coding) { return {&source, describe_target(source, coding)}; }

/// Adds every table of the name before '=', under the name after it.
void select(const Sources& sources, const std::string& choice, RowCoding coding, std::vector<Target>& targets) {
    const std::size_t equals = choice.find('=');
    const std::string name = choice.substr(0, equals);
    const std::size_t before = targets.size();
    std::vector<std::string_view> known;
    for (const std::unique_ptr<Source>& source : sources) {
        known.push_back(source->description().name);
        if (source->description().name != name) continue;
        targets.push_back(make_target(*source, coding));
        if (equals != std::string::npos) targets.back().table.name = choice.substr(equals + 1);
    }
    if (targets.size() == before) fail("no input has a table ", printable(name), "; there are ", listed(known));
}

void refuse_duplicates(const std::vector<Target>& targets) {
    std::map<std::string, const Source*> seen;
    for (const Target& target : targets) {
        const auto [earlier, is_new] = seen.emplace(target.table.name, target.source);
        if (is_new) continue;
        fail("two tables would be called ", printable(target.table.name), ": ", earlier->second->file(), " and ",
             target.source->file(), " each have one");
    }
}

std::vector<Target> choose_targets(const Sources& sources, const ConvertOptions& options) {
    const RowCoding coding = coding_of(options);
    std::vector<Target> targets;
    if (options.tables.empty()) {
        for (const std::unique_ptr<Source>& source : sources) targets.push_back(make_target(*source, coding));
    }
    for (const std::string& choice : options.tables) select(sources, choice, coding, targets);
    refuse_duplicates(targets);
    return targets;
}

/// Puts edited sources, which last as long as the result, in the place of the targets' own.
Edits edit(const ConvertOptions& options, std::vector<Target>& targets) {
    std::vector<Edits::Edited> tables;
    for (const Target& target : targets) tables.push_back({target.table.name, target.source});
    Edits edits(options.edits, tables, options.output);
    for (std::size_t t = 0; t < targets.size(); ++t) {
        targets[t].source = &edits.source(t);
        std::string name = std::move(targets[t].table.name);
        targets[t].table = describe_target(edits.source(t), options.format);
        targets[t].table.name = std::move(name);
    }
    return edits;
}

/// With OnBadRow::f16, makes tables f16 that have rows which their format cannot hold.
void fall_back(const ConvertOptions& options, std::vector<Target>& targets) {
    if (options.on_bad_row != OnBadRow::f16) return;
    for (Target& target : targets) {
        const std::optional<std::string> bad_row = find_bad_row(*target.source, target.table.shape.format);
        if (!bad_row) continue;
        target.bad_row = *bad_row;
        std::string name = std::move(target.table.name);
        target.table = describe_target(*target.source, RowFormat::f16);
        target.table.name = std::move(name);
    }
}

std::uint64_t stored_bytes(const TableShape& shape) { return shape.rows * row_bytes(shape.format, shape.dim); }

void print_summary(const Target& target, const WrittenRows& written) {
    const TableShape& from = target.source->description().shape;
    const TableShape& to = target.table.shape;
    std::cout << printable(target.table.name) << ": " << to.rows << " x " << to.dim << ", " << to_string(from.format)
              << " -> " << to_string(to.format) << ", " << human_bytes(stored_bytes(from)) << " -> "
              << human_bytes(stored_bytes(to));
    if (!target.table.remap.empty()) std::cout << ", for " << target.table.remap.size() << " ids";
    if (written.error) {
        std::cout << ", largest error " << short_number(written.error->max_abs) << ", relative error "
                  << short_number(written.error->relative_l2);
    }
    if (!target.bad_row.empty()) std::cout << "; stored as f16, because " << target.bad_row;
    if (written.zeroed != 0) std::cout << ", " << written.zeroed << " bad rows set to zeros";
    std::cout << '\n';
}

void write_targets(const std::vector<Target>& targets, const ConvertOptions& options) {
    std::vector<NewTable> tables;
    std::uint64_t total = 0;
    for (const Target& target : targets) {
        tables.push_back(target.table);
        total += stored_bytes(target.source->description().shape);
    }
    std::vector<WrittenRows> written;
    {
        TableFileWriter writer = value_of(TableFileWriter::create(options.output, std::move(tables)));
        Progress progress("converting", total);
        for (const Target& target : targets) {
            written.push_back(
                write_rows(*target.source, target.table.shape.format, options.on_bad_row, writer, progress));
            if (written.back().error) writer.set_error(written.size() - 1, *written.back().error);
        }
        check(writer.finish());
    }
    for (std::size_t i = 0; i < targets.size(); ++i) print_summary(targets[i], written[i]);
    flush_summary(options.output);
}

void convert(const ConvertOptions& options) {
    if (!is_available(coding_of(options))) {
        fail("--method ", to_string(options.method), " quantizes to 4 or 2 bits, not to ", to_string(options.format));
    }
    catch_interrupts();
    const Sources sources = open_all(options.inputs);
    std::vector<Target> targets = choose_targets(sources, options);
    const Edits edits = edit(options, targets);
    fall_back(options, targets);
    write_targets(targets, options);
}

}  // namespace

void add_convert(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("convert", "Convert tables into one table file");
    const auto options = std::make_shared<ConvertOptions>();
    command.add_option("IN", options->inputs, "Files to read; what they are is told by their first bytes")
        ->required()
        ->type_name("");
    add_output(command, options->output, "The table file to write; it may be one of the inputs");
    add_choice(command, "--format", options->format, format_choices(), parse_row_format,
               "How rows are stored; int8 unless given");
    add_choice(command, "--method", options->method, "min-max|greedy|search", parse_quantization_method,
               "How the scales and biases of coded rows are chosen: from the smallest and the largest value (unless "
               "given); as PyTorch's optimized_qparams, for 4 and 2 bits; or by a search for the least squared error");
    command
        .add_option("--table", options->tables,
                    "Take only this table, under another name if one is given; may be repeated")
        ->type_name("NAME[=NEWNAME]")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);  // or a name "[x]" would become x
    add_edit_options(command, options->edits);
    add_choice(
        command, "--on-bad-row", options->on_bad_row, "fail|f16|zero", parse_on_bad_row,
        "What happens to a row that the format cannot hold: its values are NaN or infinite, or its scale or bias "
        "would be. The conversion fails (unless given), the table is stored as f16, or the row becomes zeros");
    command.footer(
        "Inputs:\n"
        "  .npy          a matrix of float16, float32 or float64 (narrowed to f32); the table is named after the file\n"
        "  .safetensors  every two-dimensional F32, F16 or BF16 tensor, and every table of a rowpool file\n"
        "  text          word vectors of word2vec, fastText or GloVe: a line a row, its name and then its numbers, "
        "with\n"
        "                or without a first line \"rows columns\". The table carries the names, repeated ones too.\n"
        "Rows that have the format already are copied unchanged.");
    command.callback([options] { convert(*options); });
}

}  // namespace rowpool::tools
