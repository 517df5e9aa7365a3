// rowpool pool: looks up and pools rows by indices from .npy files, into a .npy file.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rowpool/engine.hpp"
#include "rowpool/table_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/memory.hpp"
#include "tools/base/options.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/inputs/numpy/npy.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

struct PoolCommand {
    std::string file;
    std::string table;
    std::string indices;
    std::string offsets;
    std::string lengths;
    std::string weights;
    std::string output;
    std::optional<std::int64_t> padding_index;
    Pooling mode = Pooling::mean;
    OnBadIndex on_bad_index = OnBadIndex::fail;
    Divisor divisor = Divisor::rows_taken;
    OutputType output_type = OutputType::f32;
    std::size_t threads = 0;
    bool include_last_offset = false;
};

std::optional<OnBadIndex> parse_on_bad_index(const std::string& name) {
    if (name == "fail") return OnBadIndex::fail;
    if (name == "skip") return OnBadIndex::skip;
    return {};
}

std::optional<Divisor> parse_divisor(const std::string& name) {
    if (name == "rows_taken") return Divisor::rows_taken;
    if (name == "bag_length") return Divisor::bag_length;
    return {};
}

/// The arrays of a call, mapped; `bounds` are its offsets or its lengths.
struct Inputs {
    NpyArray indices;
    std::optional<NpyArray> bounds;
    std::optional<NpyArray> weights;
};

NpyArray open_vector(const std::string& path, std::string_view what) {
    NpyArray array = open_npy(path);
    if (array.shape.size() != 1)
        fail(path, ": ", what, " must have one dimension, not shape ", shape_text(array.shape));
    return array;
}

Inputs open_inputs(const PoolCommand& command) {
    Inputs inputs = {open_npy(command.indices), {}, {}};
    if (!command.offsets.empty()) inputs.bounds = open_vector(command.offsets, "offsets");
    if (!command.lengths.empty()) inputs.bounds = open_vector(command.lengths, "lengths");
    if (!command.weights.empty()) {
        inputs.weights = open_npy(command.weights);
        if (inputs.weights->shape != inputs.indices.shape) {
            fail(command.weights, ": weights of shape ", shape_text(inputs.weights->shape), " for indices of shape ",
                 shape_text(inputs.indices.shape));
        }
    }
    return inputs;
}

/// The bags as torch.nn.functional.embedding_bag takes them, or one an index for a plain lookup.
Bags make_bags(const PoolCommand& command, const Inputs& inputs) {
    const IndexSpan indices = index_values(inputs.indices, "indices");
    if (command.mode == Pooling::none) return Bags::rows(indices);
    const std::vector<std::size_t>& shape = inputs.indices.shape;
    const std::span<const float> weights =
        inputs.weights ? float_values(*inputs.weights, "weights") : std::span<const float>();
    if (!inputs.bounds) {
        if (shape.size() == 2) return Bags::fixed(indices, shape[0], shape[1], weights);
        fail(command.indices, ": indices of shape ", shape_text(shape), " are no bags; give --offsets or --lengths, ",
             "a matrix of indices, or --mode none");
    }
    if (shape.size() != 1) {
        fail(command.indices, ": indices of shape ", shape_text(shape),
             "; with --offsets or --lengths they have one dimension");
    }
    if (!command.lengths.empty()) return Bags::lengths(indices, index_values(*inputs.bounds, "lengths"), weights);
    const IndexSpan offsets = index_values(*inputs.bounds, "offsets");
    return command.include_last_offset ? Bags(indices, offsets, weights) : Bags::starts(indices, offsets, weights);
}

/// The file whose contents a fault is about.
const std::string& file_at_fault(const PoolCommand& command, PoolFault fault) {
    switch (fault) {
        case PoolFault::offsets_missing:
        case PoolFault::first_offset:
        case PoolFault::falling_offset:
        case PoolFault::offset_past_end:
        case PoolFault::last_offset:
        case PoolFault::negative_length:
        case PoolFault::length_past_end:
        case PoolFault::lengths_sum:
        case PoolFault::no_bags:
            return command.lengths.empty() ? command.offsets : command.lengths;
        case PoolFault::index:
            return command.indices;
        default:
            return command.file;
    }
}

std::string_view descr(OutputType type) {
    if (type == OutputType::f32) return "<f4";
    return type == OutputType::f16 ? "<f2" : "<V2";
}

std::vector<std::size_t> output_shape(const PoolCommand& command, const Inputs& inputs, std::size_t bags,
                                      std::size_t dim) {
    if (command.mode != Pooling::none) return {bags, dim};
    std::vector<std::size_t> shape = inputs.indices.shape;
    shape.push_back(dim);
    return shape;
}

/// Elements of the output, which is made in memory; refuses what this machine cannot hold.
std::size_t output_size(const PoolCommand& command, std::size_t bags, std::size_t dim, std::size_t item) {
    if (bags > physical_memory() / (dim * item)) {
        fail(command.output, ": ", bags, " rows of ", dim, " values would not fit into the memory of this machine, ",
             human_bytes(physical_memory()));
    }
    return bags * dim;
}

/// Pools into a buffer of T and writes it.
template <class T>
void pool_as(const PoolCommand& command, const Table& table, const Inputs& inputs) {
    const Bags bags = make_bags(command, inputs);
    std::vector<T> values(output_size(command, bags.num_bags(), table.dim(), sizeof(T)));
    PoolOptions options = {.mode = command.mode, .on_bad_index = command.on_bad_index, .divisor = command.divisor};
    if (command.padding_index) options.padding_index = *command.padding_index;
    const PoolStatus status = Engine({.threads = command.threads}).pool(table, bags, options, std::span<T>(values));
    if (!status) fail(file_at_fault(command, status.fault), ": ", status.message());
    NpyWriter out(command.output, descr(command.output_type),
                  output_shape(command, inputs, bags.num_bags(), table.dim()));
    out.append(std::as_bytes(std::span(values)));
    out.commit();
    std::cout << one_line(command.output) << ": " << bags.num_bags()
              << (command.mode == Pooling::none ? " rows x " : " bags x ") << table.dim() << ' '
              << to_string(command.output_type) << ", " << status.skipped << " bad indices skipped\n";
    flush_summary(command.output);
}

void pool_command(const PoolCommand& command) {
    if (command.mode == Pooling::none && !(command.offsets + command.lengths + command.weights).empty()) {
        fail_usage("--mode none", "takes no --offsets, --lengths or --weights");
    }
    catch_interrupts();
    const Table table = value_of(open_table_file(command.file).table(command.table));
    const Inputs inputs = open_inputs(command);
    if (command.output_type == OutputType::f32) pool_as<float>(command, table, inputs);
    if (command.output_type == OutputType::f16) pool_as<Float16>(command, table, inputs);
    if (command.output_type == OutputType::bf16) pool_as<BFloat16>(command, table, inputs);
}

void add_inputs(CLI::App& command, PoolCommand& options) {
    command.add_option("FILE", options.file, "Table file")->required()->type_name("");
    command.add_option("TABLE", options.table, "Name of the table")->required()->type_name("");
    command.add_option("--indices", options.indices, "Rows to look up: int32 or int64")->required()->type_name("I.npy");
    CLI::Option* offsets =
        command.add_option("--offsets", options.offsets, "Where each bag begins in the indices: int32 or int64")
            ->type_name("O.npy");
    command.add_option("--lengths", options.lengths, "How many indices each bag has: int32 or int64")
        ->type_name("L.npy")
        ->excludes(offsets);
    command
        .add_flag("--include-last-offset", options.include_last_offset, "The offsets end with the number of indices")
        ->needs(offsets);
    command.add_option("--weights", options.weights, "A factor for each index: float32")->type_name("W.npy");
}

void add_how(CLI::App& command, PoolCommand& options) {
    add_choice(command, "--mode", options.mode, "none|sum|mean|sqrtn|max", parse_pooling,
               "How the rows of a bag become one; mean unless given. none: one row an index, of any shape");
    using Index = std::numeric_limits<std::int64_t>;
    add_integer(command, "--padding-idx", options.padding_index, Index::min(), Index::max(),
                "Row to leave out of bags; negative counts from the end");
    add_choice(command, "--on-bad-index", options.on_bad_index, "fail|skip", parse_on_bad_index,
               "What to do with an index that is no row; fail unless given");
    add_choice(
        command, "--divisor", options.divisor, "rows_taken|bag_length", parse_divisor,
        "What mean and sqrtn divide by: the rows that went in, with weights these (unless given); or every index "
        "of the bag, padding, skipped and pruned ones too, as FBGEMM's table batched embeddings");
    add_choice(command, "--output-type", options.output_type, "f32|f16|bf16", parse_output_type,
               "Element type of the result; f32 unless given");
    add_integer(command, "--threads", options.threads, std::size_t{0}, kMaxThreads,
                "Threads to use; 0, the default, is one a core");
}

}  // namespace

void add_pool(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("pool", "Look rows up and pool them, from .npy to .npy");
    const auto options = std::make_shared<PoolCommand>();
    add_inputs(command, *options);
    add_how(command, *options);
    add_output(command, options->output, "The .npy file to write");
    command.footer(
        "Bags are as in torch.nn.functional.embedding_bag: offsets begin with 0 and leave out the closing one unless\n"
        "--include-last-offset is given; a matrix of indices is a bag a row, without offsets.\n"
        "NumPy has no bfloat16: bf16 is written as two-byte items (\"<V2\"), to be read with\n"
        "a.view(ml_dtypes.bfloat16), or as bits with a.view(\"<u2\").");
    command.callback([options] { pool_command(*options); });
}

}  // namespace rowpool::tools
