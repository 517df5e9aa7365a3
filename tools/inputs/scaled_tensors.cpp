// Which tensors of an input are codes, and which beside them hold their scales: told by names and shapes.
#include "tools/inputs/scaled_tensors.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/row_layout.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/coded_source.hpp"
#include "tools/inputs/scaled_source.hpp"

namespace rowpool::tools {

namespace {

/// Where the scales of codes are. Names begin with that of the codes, "emb.weight", or with that of their module,
/// "emb.".
struct Rule {
    bool of_module;
    std::string_view scales;
    std::string_view zero_points;  ///< empty where there are none
    bool by_blocks;                ///< of 128 x 128, before anything else that a shape may mean
};

// The numbers multiply in every one of these, also those that are called inverse: they are the inverse of what codes
// were made with.
constexpr std::array kRules = {
    // compressed-tensors: compressors/quantized_compressors/naive_quantized.py; shapes in
    // quantization/lifecycle/initialize.py.
    Rule{false, "_scale", "_zero_point", false},
    // DeepSeek-V3 as Hugging Face has it: inference/fp8_cast_bf16.py, weight_dequant() in inference/kernel.py.
    Rule{false, "_scale_inv", "", true},
    // The same model's own names: Linear in inference/model.py.
    Rule{true, "scale", "zero_point", false},
    // gpt-fast and torchchat: WeightOnlyInt8Linear and QuantizedEmbedding, signed codes.
    Rule{true, "scales", "zero_points", false},
};

// TorchRec's split state (quant/embedding_modules.py, quant_state_dict_split_scale_bias): rows of FBGEMM's table
// batched embeddings, codes apart from their f16 scale and bias.
constexpr std::string_view kRowScales = "_qscale";
constexpr std::string_view kRowBiases = "_qbias";

constexpr std::uint64_t kBlock = 128;
constexpr std::string_view kSaveDequantized = "; save it dequantized, as float16 or float32";

/// "emb." of "emb.weight", and nothing where codes are not called weight.
std::optional<std::string> module_of(const std::string& codes) {
    constexpr std::string_view kWeight = "weight";
    if (!codes.ends_with(kWeight)) return {};
    const std::string module = codes.substr(0, codes.size() - kWeight.size());
    if (!module.empty() && module.back() != '.') return {};
    return module;
}

/// Of a table that can be: all others are named elsewhere.
bool are_codes(const CodePart& tensor) {
    if (!tensor.element || element_bytes(*tensor.element) != 1 || tensor.shape.size() != 2) return false;
    return tensor.shape[1] > 0 && tensor.shape[1] <= kMaxDim;
}

bool is_one_a_row(const CodePart& numbers, std::uint64_t rows) {
    if (numbers.shape.size() == 2 && numbers.shape[1] != 1) return false;
    return !numbers.shape.empty() && numbers.shape[0] == rows;
}

std::uint64_t blocks_in(std::uint64_t size) { return size / kBlock + (size % kBlock != 0); }

struct Blocks {
    std::size_t rows;
    std::size_t columns;
};

/// The blocks that share a number, of a matrix that has numbers of that shape.
std::optional<Blocks> blocks_of(const CodePart& codes, std::span<const std::uint64_t> shape, bool by_blocks) {
    const std::uint64_t rows = codes.shape[0];
    const std::uint64_t columns = codes.shape[1];
    if (std::ranges::all_of(shape, [](std::uint64_t size) { return size == 1; })) {
        return Blocks{std::max<std::uint64_t>(rows, 1), columns};
    }
    if (shape.size() == 1) return shape[0] == rows ? std::optional(Blocks{1, columns}) : std::nullopt;
    const bool fits_blocks = shape[0] == blocks_in(rows) && shape[1] == blocks_in(columns);
    const bool fits_groups = shape[0] == rows && shape[1] != 0 && columns % shape[1] == 0;
    if (fits_blocks && (by_blocks || !fits_groups)) return Blocks{kBlock, kBlock};
    return fits_groups ? std::optional(Blocks{1, columns / shape[1]}) : std::nullopt;
}

std::string named(const char* what, const CodePart& part) { return std::string(what) + " " + printable(part.name); }

std::string kind_of(const CodePart& part) { return printable(part.type) + " " + shape_text(part.shape); }

/// What belongs to the numbers that go into a module or come out of it says nothing of its weights.
bool is_of_activations(std::string_view rest) { return rest.starts_with("input_") || rest.starts_with("output_"); }

BlockNumbers block_numbers(const CodePart& part, std::size_t block_rows, std::size_t block_columns) {
    return {part.matrix(), block_rows, block_columns};
}

}  // namespace

bool may_be_scale(std::string_view name) {
    static constexpr std::array<std::string_view, 9> kWords = {"scal",  "zero",  "absmax",   "amax", "g_idx",
                                                               "qbias", "quant", "codebook", "scb"};
    std::string lower(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return std::ranges::any_of(kWords, [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

ScaledTensors::ScaledTensors(std::vector<CodePart> tensors) : tensors_(std::move(tensors)) {
    for (const CodePart& tensor : tensors_) by_name_.emplace(tensor.name, &tensor);
    for (const CodePart& tensor : tensors_) {
        if (!are_codes(tensor)) continue;
        for (const Candidate& candidate : candidates(tensor))
            claimed_.insert({candidate.scales, candidate.zero_points});
    }
    for (const CodePart& tensor : tensors_) {
        if (!are_codes(tensor)) continue;
        const std::optional<Codes> found = pair(tensor);
        if (!found) continue;
        codes_.emplace(tensor.name, *found);
        if (!found->reason.empty()) continue;
        for (const CodePart* part : {found->scales, found->zero_points, found->biases}) {
            if (part != nullptr) parts_.insert(part->name);
        }
    }
}

const CodePart* ScaledTensors::find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

std::vector<ScaledTensors::Candidate> ScaledTensors::candidates(const CodePart& codes) const {
    std::vector<Candidate> candidates;
    const std::optional<std::string> module = module_of(codes.name);
    for (const Rule& rule : kRules) {
        if (rule.of_module && !module) continue;
        const std::string begin = rule.of_module ? *module : codes.name;
        const CodePart* scales = find(begin + std::string(rule.scales));
        if (scales == nullptr) continue;
        const bool may_have_zero_points = !rule.zero_points.empty();
        candidates.push_back(
            {scales, may_have_zero_points ? find(begin + std::string(rule.zero_points)) : nullptr, rule.by_blocks});
    }
    return candidates;
}

/// Nothing for what has no scales and needs some.
std::optional<ScaledTensors::Codes> ScaledTensors::pair(const CodePart& codes) const {
    if (find(codes.name + std::string(kRowScales)) != nullptr) return pair_rows(codes);
    const std::vector<Candidate> candidates = this->candidates(codes);
    if (candidates.empty() && !is_float8(*codes.element)) return {};
    Codes found;
    found.codes = &codes;
    if (!candidates.empty()) {
        found.scales = candidates[0].scales;
        found.zero_points = candidates[0].zero_points;
    }
    if (candidates.size() > 1) {
        found.reason = named("its scale may be", *candidates[0].scales) + named(" or", *candidates[1].scales);
    } else if (const CodePart* other = stranger(found)) {
        found.reason = named("it may depend on", *other) + ", which is not read";
    } else if (!candidates.empty()) {
        pair_blocks(found, candidates[0].by_blocks);
    }
    if (!found.reason.empty()) found.reason += kSaveDequantized;
    return found;
}

ScaledTensors::Codes ScaledTensors::pair_rows(const CodePart& codes) const {
    Codes found;
    found.codes = &codes;
    found.scales = find(codes.name + std::string(kRowScales));
    found.biases = find(codes.name + std::string(kRowBiases));
    const auto fits = [&](const CodePart& part) {
        return part.element == Element::f16 && is_one_a_row(part, codes.shape[0]);
    };
    if (codes.element != Element::u8) {
        found.reason = named("codes with", *found.scales) + " are uint8 in TorchRec's state";
    } else if (found.biases == nullptr) {
        found.reason = "there is no " + printable(codes.name) + std::string(kRowBiases) + " beside its scales";
    } else if (!fits(*found.scales)) {
        found.reason = named("its scale", *found.scales) + " is " + kind_of(*found.scales) + ", not a float16 a row";
    } else if (!fits(*found.biases)) {
        found.reason = named("its bias", *found.biases) + " is " + kind_of(*found.biases) + ", not a float16 a row";
    }
    return found;
}

void ScaledTensors::pair_blocks(Codes& found, bool by_blocks) const {
    const CodePart& scales = *found.scales;
    if (!scales.element || !is_float(*scales.element)) {
        found.reason = named("its scale", scales) + " is " + kind_of(scales) + ", no numbers of 16 bits or more";
        return;
    }
    const std::optional<Blocks> blocks = blocks_of(*found.codes, scales.shape, by_blocks);
    if (!blocks) {
        found.reason = named("its scale", scales) + " is " + kind_of(scales) +
                       ": neither one, nor one a row, nor one for each of equal groups of columns or of blocks of 128";
        return;
    }
    found.block_rows = blocks->rows;
    found.block_columns = blocks->columns;
    if (found.zero_points == nullptr) {
        if (found.codes->element != Element::u8) return;
        found.reason = named("unsigned codes with", scales) + " but without a zero point do not say what they are";
        return;
    }
    const CodePart& zeros = *found.zero_points;
    const auto zero_blocks = blocks_of(*found.codes, zeros.shape, by_blocks);
    const bool fits = zero_blocks && zero_blocks->rows == blocks->rows && zero_blocks->columns == blocks->columns;
    if (zeros.element && fits) return;
    found.reason = named("its zero point", zeros) + " is " + kind_of(zeros) + ", unlike" + named(" the scale", scales);
}

/// A tensor beside codes that seems to belong to them, or null. It belongs to no others, and no rule has it: so the
/// codes may not be what they seem to be. Beside codes without a scale it may be anything in the same module.
const CodePart* ScaledTensors::stranger(const Codes& found) const {
    const std::string& codes = found.codes->name;
    const std::string folder = codes.substr(0, codes.find_last_of(".:") + 1);  // empty without one
    const std::string begin = found.scales == nullptr ? folder : module_of(codes).value_or(codes);
    for (auto at = by_name_.lower_bound(begin); at != by_name_.end() && at->first.starts_with(begin); ++at) {
        const auto& [name, part] = *at;
        if (part == found.codes || claimed_.contains(part)) continue;
        const std::string_view rest = name.substr(begin.size());
        const bool of_submodule = rest.find('.') != rest.npos && !name.starts_with(codes);
        if (!of_submodule && may_be_scale(rest) && !is_of_activations(rest)) return part;
    }
    return nullptr;
}

std::optional<std::string> ScaledTensors::reason(std::string_view name) const {
    const auto found = codes_.find(name);
    if (found == codes_.end()) return {};
    return found->second.reason;
}

bool ScaledTensors::are_rows(std::string_view name) const {
    const auto found = codes_.find(name);
    return found != codes_.end() && found->second.biases != nullptr && found->second.reason.empty();
}

std::unique_ptr<Source> ScaledTensors::source(std::string_view name, const std::string& file,
                                              std::optional<RowFormat> packed, Reading& reading) const {
    const Codes& found = codes_.at(name);
    if (found.biases != nullptr) return coded_rows(found, file, packed, reading);
    NewTable description;
    description.name = name;
    description.source = file_name_of(file) + ":" + description.name;
    description.shape = {RowFormat::f32, found.codes->shape[0], found.codes->shape[1], 0, {}};
    ScaledCodes parts = {found.codes->matrix(), {}, {}};
    if (found.scales == nullptr) {
        reading.notes.push_back(file + ": tensor " + printable(name) +
                                ": read as plain numbers, no scale is beside it");
    }
    if (found.scales != nullptr) parts.scales = block_numbers(*found.scales, found.block_rows, found.block_columns);
    if (found.zero_points != nullptr) {
        parts.zero_points = block_numbers(*found.zero_points, found.block_rows, found.block_columns);
    }
    return make_scaled_source(file, std::move(description), std::move(parts));
}

std::unique_ptr<Source> ScaledTensors::coded_rows(const Codes& found, const std::string& file,
                                                  std::optional<RowFormat> packed, Reading& reading) const {
    const RowFormat format = packed.value_or(RowFormat::tbe_int8);
    const std::string where = file + ": tensor " + printable(found.codes->name);
    const bool has_halves = qparams_bytes(format) == 2 * sizeof(Float16);
    if (!has_halves) fail(where, ": its scales are f16, which ", to_string(format), " rows do not have");
    const std::uint64_t dim = found.codes->shape[1] * (8 / element_bits(format));
    check_dim(where, dim);
    if (!packed) {
        reading.notes.push_back(where + ": read as codes of 8 bits; if they are fewer, say --packed '" +
                                printable(found.codes->name) + "=tbe-int4' or tbe-int2");
    }
    NewTable description;
    description.name = found.codes->name;
    description.source = file_name_of(file) + ":" + description.name;
    description.shape = {format, found.codes->shape[0], dim, 0, {}};
    description.quantization = "per row, by TorchRec in the source";
    return make_coded_source(file, std::move(description),
                             {.codes = found.codes->matrix(),
                              .scales = found.scales->matrix(),
                              .biases = found.biases->matrix(),
                              .zero_points = {}});
}

}  // namespace rowpool::tools
