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
    std::vector<std::string> tables;
};

/// A table to write: where its rows come from and what it is called.
struct Target {
    const Source* source;
    NewTable table;
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

Target make_target(const Source& source, RowFormat format) { return {&source, describe_target(source, format)}; }

/// Adds every table of the name before '=', under the name after it.
void select(const Sources& sources, const std::string& choice, RowFormat format, std::vector<Target>& targets) {
    const std::size_t equals = choice.find('=');
    const std::string name = choice.substr(0, equals);
    const std::size_t before = targets.size();
    std::vector<std::string_view> known;
    for (const std::unique_ptr<Source>& source : sources) {
        known.push_back(source->description().name);
        if (source->description().name != name) continue;
        targets.push_back(make_target(*source, format));
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
    std::vector<Target> targets;
    if (options.tables.empty()) {
        for (const std::unique_ptr<Source>& source : sources) targets.push_back(make_target(*source, options.format));
    }
    for (const std::string& choice : options.tables) select(sources, choice, options.format, targets);
    refuse_duplicates(targets);
    return targets;
}

std::uint64_t stored_bytes(const TableShape& shape) { return shape.rows * row_bytes(shape.format, shape.dim); }

void print_summary(const Target& target, const std::optional<ErrorFigures>& error) {
    const TableShape& from = target.source->description().shape;
    const TableShape& to = target.table.shape;
    std::cout << printable(target.table.name) << ": " << to.rows << " x " << to.dim << ", " << to_string(from.format)
              << " -> " << to_string(to.format) << ", " << human_bytes(stored_bytes(from)) << " -> "
              << human_bytes(stored_bytes(to));
    if (error) {
        std::cout << ", largest error " << short_number(error->max_abs) << ", relative error "
                  << short_number(error->relative_l2);
    }
    std::cout << '\n';
}

void write_targets(const std::vector<Target>& targets, const ConvertOptions& options) {
    std::vector<NewTable> tables;
    std::uint64_t total = 0;
    for (const Target& target : targets) {
        tables.push_back(target.table);
        total += stored_bytes(target.source->description().shape);
    }
    std::vector<std::optional<ErrorFigures>> errors;
    {
        TableFileWriter writer = value_of(TableFileWriter::create(options.output, std::move(tables)));
        Progress progress("converting", total);
        for (const Target& target : targets) {
            errors.push_back(write_rows(*target.source, options.format, writer, progress));
            if (errors.back()) writer.set_error(errors.size() - 1, *errors.back());
        }
        check(writer.finish());
    }
    for (std::size_t i = 0; i < targets.size(); ++i) print_summary(targets[i], errors[i]);
    flush_summary(options.output);
}

void convert(const ConvertOptions& options) {
    catch_interrupts();
    const Sources sources = open_all(options.inputs);
    write_targets(choose_targets(sources, options), options);
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
    command
        .add_option("--table", options->tables,
                    "Take only this table, under another name if one is given; may be repeated")
        ->type_name("NAME[=NEWNAME]")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);  // or a name "[x]" would become x
    command.footer(
        "Inputs:\n"
        "  .npy          a matrix of float16, float32 or float64 (narrowed to f32); the table is named after the file\n"
        "  .safetensors  every two-dimensional F32, F16 or BF16 tensor, and every table of a rowpool file\n"
        "  text          word vectors of word2vec, fastText or GloVe: a line a row, its name and then its numbers, "
        "with\n"
        "                or without a first line \"rows columns\". The table carries the names, repeated ones too.\n"
        "  word2vec      binary files (.bin), with their names\n"
        "  fastText      models (.bin) that are not quantized: a row a word, then a row a bucket, without a name\n"
        "  .onnx         every two-dimensional float, float16, bfloat16 or double (narrowed to f32) initializer\n"
        "Rows that have the format already are copied unchanged.");
    command.callback([options] { convert(*options); });
}

}  // namespace rowpool::tools
