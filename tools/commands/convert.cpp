// rowpool convert: tables of any input format into one table file.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "rowpool/types.hpp"
#include "support/output_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/options.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/reading_options.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/convert/conversion_report.hpp"
#include "tools/convert/converter.hpp"
#include "tools/convert/first_rows.hpp"
#include "tools/convert/join.hpp"
#include "tools/convert/planner.hpp"
#include "tools/convert/selection.hpp"
#include "tools/convert/targets.hpp"
#include "tools/convert/transforms.hpp"
#include "tools/inputs/open_sources.hpp"
#include "tools/inputs/reading.hpp"

namespace rowpool::tools {

namespace {

struct ConvertOptions {
    std::vector<std::string> inputs;
    std::string output;
    std::string report;
    WantedCoding coding;
    Selection selection;
    std::vector<std::string> joins;
    Reading reading;
    BudgetOptions budget;
    RowOptions rows;
    TransformOptions transforms;
    OnBadRow on_bad_row = OnBadRow::fail;
};

std::string format_choices() {
    std::vector<std::string_view> names;
    for (const RowFormat format : all_row_formats()) names.push_back(to_string(format));
    return joined(names, "|");
}

Sources open_all(ConvertOptions& options) {
    Sources all;
    for (const std::string& path : options.inputs) {
        for (std::unique_ptr<Source>& source : open_sources(path, options.reading)) all.push_back(std::move(source));
    }
    options.reading.packed.require_all_used();
    return join_tables(std::move(all), options.joins, options.reading);
}

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
    if (written.zeroed != 0) std::cout << ", " << written.zeroed << " bad rows set to zeros";
    if (!target.reason.empty()) std::cout << "; " << target.reason;
    std::cout << '\n';
}

/// A report is a new file: it must not take the place of what is read or of the tables.
void check_report_path(const ConvertOptions& options) {
    const auto place = [](const std::string& path) { return weakly_canonical(std::filesystem::absolute(path)); };
    std::vector<std::string> taken = options.inputs;
    taken.push_back(options.output);
    for (const std::string& path : taken) {
        if (place(path) == place(options.report)) fail(options.report, ": the report would replace ", path);
    }
}

void write_report(support::OutputFile& file, const ConvertOptions& options,
                  const std::vector<ConvertedTable>& converted) {
    try {
        const std::string page =
            conversion_page(options.output, converted, measure_conversions(options.output, converted));
        check(file.write_at(0, std::as_bytes(std::span(page))));
        check(file.commit());
    } catch (const Failure& failure) {
        fail("wrote ", options.output, ", but not its report: ", failure.what());
    }
}

void write_targets(const std::vector<Target>& targets, const ConvertOptions& options) {
    std::vector<NewTable> tables;
    for (const Target& target : targets) tables.push_back(target.table);
    const std::uint64_t total = source_bytes(targets);
    std::optional<support::OutputFile> report;
    if (!options.report.empty()) report = value_of(support::OutputFile::create(options.report));
    std::vector<WrittenRows> written;
    std::vector<ConvertedTable> converted;
    {
        TableFileWriter writer = value_of(TableFileWriter::create(options.output, std::move(tables)));
        DropBehind behind(total);
        Progress progress("converting", total);
        for (const Target& target : targets) {
            const auto start = std::chrono::steady_clock::now();
            written.push_back(write_rows(*target.source, target.coding, options.on_bad_row, writer, behind, progress));
            if (written.back().error) writer.set_error(written.size() - 1, *written.back().error);
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            converted.push_back({target.source, target.table, target.reason, elapsed.count()});
        }
        check(writer.finish());
    }
    if (report) write_report(*report, options, converted);
    for (std::size_t i = 0; i < targets.size(); ++i) print_summary(targets[i], written[i]);
    flush_summary(options.output);
}

/// On standard error, because a table that is not there is not what somebody looks for in the list of those that are.
void print_findings(const ConvertOptions& options) {
    static constexpr std::size_t kMostLines = 10;
    for (const std::string& note : options.reading.notes) std::cerr << "rowpool: " << one_line(note) << '\n';
    const std::vector<LeftOut> left_out = meant(options.selection, options.reading.left_out);
    for (std::size_t i = 0; i < left_out.size() && i < kMostLines; ++i) {
        const std::string line = left_out[i].file + ": left out: " + text_of(left_out[i]);
        std::cerr << "rowpool: " << one_line(line) << '\n';
    }
    if (left_out.size() <= kMostLines) return;
    std::cerr << "rowpool: left out: " << left_out.size() - kMostLines << " more; rowpool inspect lists them all\n";
}

void convert(ConvertOptions& options) {
    catch_interrupts();
    if (!options.report.empty()) check_report_path(options);
    if (options.rows.names.empty()) options.reading.limit = options.rows.limit;  // else there is a name for every row
    options.reading.joins = !options.joins.empty();
    const Sources sources = open_all(options);
    std::vector<Target> targets = choose_targets(sources, options.selection, options.coding, options.reading);
    const RowSources chosen = choose_rows(options.rows, targets);
    const Transforms transforms = transform(options.transforms, options.output, targets);
    plan_codings(options.budget, options.coding, targets);
    if (options.on_bad_row == OnBadRow::f16) fall_back_to_f16(targets);
    write_targets(targets, options);
    print_findings(options);
}

void add_packed(CLI::App& command, PackedRows& packed) {
    const auto add = [&packed](const std::vector<std::string>& options) {
        for (const std::string& option : options) {
            if (packed.add(option)) continue;
            throw CLI::ValidationError("--packed", "'" + printable(option) + "' is no PATTERN=FORMAT of coded rows");
        }
    };
    add_repeated(command, "--packed", add, "PATTERN=FORMAT",
                 "uint8 tensors of these names are rows in FORMAT (int8, int4, tbe-int8, ...) already");
}

}  // namespace

void add_convert(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("convert", "Convert tables into one table file");
    const auto options = std::make_shared<ConvertOptions>();
    command.add_option("IN", options->inputs, "Files to read; what they are is told by their first bytes")
        ->required()
        ->type_name("");
    add_output(command, options->output, "The table file to write; it may be one of the inputs");
    add_choice(command, "--format", options->coding.format, format_choices(), parse_row_format,
               "How rows are stored; unless given, coded rows stay as they are and others become int8");
    add_choice(command, "--method", options->coding.method, "min-max|greedy|search", parse_quantization_method,
               "How the scales and biases of coded rows are chosen: from the smallest and the largest value (unless "
               "given); as PyTorch's optimized_qparams, for 4 and 2 bits; or by a search for the least squared error");
    add_budget_options(command, options->budget, options->coding);
    command
        .add_option("--report", options->report,
                    "Also write a web page: bytes, errors, worst rows and time of each table")
        ->type_name("OUT.html");
    add_repeated(
        command, "--table", options->selection.tables, "[FILE:]PATTERN[=NEWNAME]",
        "Take only these tables (*, ? and [] as in a shell), of this input if one is given, under another name "
        "if one is given, in which * stands for what the * of the pattern matched; may be repeated");
    add_repeated(command, "--exclude", options->selection.excluded, "PATTERN", "Leave these out; may be repeated");
    add_join(command, options->joins);
    add_packed(command, options->reading.packed);
    add_reading_options(command, options->reading);
    command
        .add_option("--names", options->rows.names,
                    "Names for the rows of the one table, a line a row; of a .tsv the first column")
        ->type_name("FILE");
    add_integer(command, "--limit", options->rows.limit, std::size_t{1}, std::numeric_limits<std::size_t>::max(),
                "Take only the first N rows of each table");
    add_transform_options(command, options->transforms);
    add_choice(
        command, "--on-bad-row", options->on_bad_row, "fail|f16|zero", parse_on_bad_row,
        "What happens to a row that the format cannot hold: its values are NaN or infinite, or its scale or bias "
        "would be. The conversion fails (unless given), the table is stored as f16, or the row becomes zeros");
    command.footer(
        "Inputs:\n"
        "  .pt .pth .bin PyTorch checkpoints: every two-dimensional tensor of float32, float16, bfloat16, float64\n"
        "                or float8, named by its path (\"model.emb.weight\"), codes of 8 bits with their scales, and\n"
        "                embeddings that PyTorch quantized. Nothing in the file is run.\n"
        "  .safetensors  every two-dimensional F32, F16, BF16, F64 or F8 tensor, codes of 8 bits with their scales, "
        "and\n"
        "                every table of a rowpool file\n"
        "  .safetensors.index.json, .bin.index.json  the same of all files that the index names\n"
        "  .npy          a matrix of float16, float32, float64 or bfloat16 (V2); the table is named after the file\n"
        "  .npz          every such matrix in the archive, named after its member\n"
        "  text          word vectors of word2vec, fastText or GloVe: a line a row, its name and then its numbers, "
        "with\n"
        "                or without a first line \"rows columns\". The table carries the names, repeated ones too.\n"
        "  word2vec      binary files (.bin), with their names\n"
        "  fastText      models (.bin) that are not quantized: a row a word, then a row a bucket, without a name\n"
        "  .onnx         every two-dimensional float, float16, bfloat16 or double (narrowed to f32) initializer\n"
        "Each of them may be compressed by gzip (.gz).\n"
        "Rows that have the format already are copied unchanged. What looks like an embedding and is left out is named "
        "on\n"
        "standard error. docs/CONVERT.md has more.");
    command.callback([options] { convert(*options); });
}

}  // namespace rowpool::tools
