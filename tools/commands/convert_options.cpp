// The options of `rowpool convert`.
#include "tools/commands/convert_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/types.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/options.hpp"
#include "tools/base/quantity.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/reading_options.hpp"

namespace rowpool::tools {

namespace {

std::string format_choices() {
    std::vector<std::string_view> names;
    for (const RowFormat format : all_row_formats()) names.push_back(to_string(format));
    return joined(names, "|");
}

std::optional<double> parse_error(const std::string& text) {
    const auto parts = split_number(text);
    if (!parts || (!parts->second.empty() && parts->second != "%" && parts->second != " %")) return {};
    const double error = parts->second.empty() ? parts->first : parts->first / 100;
    if (!(error > 0 && error < 1)) return {};
    return error;
}

std::optional<FormatOf> parse_format_of(const std::string& text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) return {};
    const std::optional<RowFormat> format = parse_row_format(text.substr(equals + 1));
    if (!format) return {};
    return FormatOf{text.substr(0, equals), *format};
}

void add_format_of(CLI::App& command, WantedCoding& wanted) {
    const auto add = [&wanted](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
            const std::optional<FormatOf> option = parse_format_of(text);
            if (!option) fail_usage("--format-of", '\'', printable(text), "' is no PATTERN=FORMAT");
            wanted.format_of.push_back(*option);
        }
    };
    add_repeated(command, "--format-of", add, "PATTERN=FORMAT",
                 "How the rows of tables with these names are stored, whatever is said of the others; may be repeated, "
                 "the last one that matches counts");
}

/// The command has --format and --method already.
void add_budget_options(CLI::App& command, BudgetOptions& options, WantedCoding& wanted) {
    add_format_of(command, wanted);
    const auto take_error = [&options](const std::string& text) {
        options.max_error = parse_error(text);
        if (options.max_error) return;
        fail_usage("--max-error", '\'', printable(text), "' is no error above 0 and below 1 or 100%");
    };
    CLI::Option* error =
        command.add_option_function<std::string>("--max-error", take_error,
                                                 "Choose the smallest of f32, f16, bf16, int8, int4 and int2 for each "
                                                 "table whose sums of bags have at most this "
                                                 "relative L2 error: 0.01 or 1%");
    CLI::Option* bytes = add_bytes(command, "--max-bytes", options.max_bytes, 1,
                                   "Choose formats with the least such error whose rows take at most so many in all");
    CLI::Option* trace =
        command.add_option("--trace", options.trace, "Measure with recorded lookups, as pool takes them");
    error->type_name("E")->excludes(bytes);
    trace->type_name("T.npz");
    for (CLI::Option* budget : {error, bytes}) budget->excludes("--format")->excludes("--method");
}

void add_packed(CLI::App& command, PackedRows& packed) {
    const auto add = [&packed](const std::vector<std::string>& options) {
        for (const std::string& option : options) {
            if (packed.add(option)) continue;
            fail_usage("--packed", '\'', printable(option), "' is no PATTERN=FORMAT of coded rows");
        }
    };
    add_repeated(command, "--packed", add, "PATTERN=FORMAT",
                 "uint8 tensors of these names are rows in FORMAT (int8, int4, tbe-int8, ...) already");
}

CLI::Option* add_values(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                        const std::string& value, const std::string& help) {
    return add_repeated(command, name, texts, "[TABLE=]" + value, help);
}

void add_transform_options(CLI::App& command, TransformOptions& options) {
    add_values(command, "--padding-idx", options.padding, "N",
               "Record an id that is left out of bags; -1 is the last one. TABLE= makes this and the options below be "
               "for one table, under its new name");
    add_values(command, "--max-norm", options.max_norm, "X",
               "Scale rows with a larger norm down to it, as nn.Embedding's max_norm does");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    add_real(command, "--norm-type", options.norm_type, -kInfinity, kInfinity, "The p of --max-norm; 2 unless given");
    add_values(command, "--prune-below", options.prune_below, "X",
               "Store no row whose L2 norm is X or less; lookups of its id give zeros");
    add_values(command, "--keep", options.keep, "K.npy",
               "Store only the rows of these ids, int32 or int64; lookups of others give zeros");
    command
        .add_option(
            "--order-by-trace", options.order_by_trace,
            "Store the rows that a trace looks up first, by falling number of lookups, and record how many they "
            "are; ids stay as they are")
        ->type_name("T.npz");
}

}  // namespace

void add_convert_options(CLI::App& command, ConvertOptions& options) {
    command.add_option("IN", options.inputs, "Files to read; what they are is told by their first bytes")
        ->required()
        ->type_name("");
    add_output(command, options.output, "The table file to write; it may be one of the inputs");
    add_choice(command, "--format", options.coding.format, format_choices(), parse_row_format,
               "How rows are stored; unless given, coded rows stay as they are and others become int8");
    add_choice(command, "--method", options.coding.method, "min-max|greedy|search", parse_quantization_method,
               "How the scales and biases of coded rows are chosen: from the smallest and the largest value (unless "
               "given); as PyTorch's optimized_qparams, for 4 and 2 bits; or by a search for the least squared error");
    add_budget_options(command, options.budget, options.coding);
    command
        .add_option("--report", options.report,
                    "Also write a web page: bytes, errors, worst rows and time of each table")
        ->type_name("OUT.html");
    add_repeated(
        command, "--table", options.selection.tables, "[FILE:]PATTERN[=NEWNAME]",
        "Take only these tables (*, ? and [] as in a shell), of this input if one is given, under another name "
        "if one is given, in which * stands for what the * of the pattern matched; may be repeated");
    add_repeated(command, "--exclude", options.selection.excluded, "PATTERN", "Leave these out; may be repeated");
    add_join(command, options.joins);
    add_packed(command, options.reading.packed);
    add_reading_options(command, options.reading);
    command
        .add_option("--names", options.rows.names,
                    "Names for the rows of the one table, a line a row; of a .tsv the first column")
        ->type_name("FILE");
    add_integer(command, "--limit", options.rows.limit, std::size_t{1}, std::numeric_limits<std::size_t>::max(),
                "Take only the first N rows of each table");
    add_transform_options(command, options.transforms);
    add_choice(
        command, "--on-bad-row", options.on_bad_row, "fail|f16|zero", parse_on_bad_row,
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
}

}  // namespace rowpool::tools
