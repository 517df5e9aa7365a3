// Tables from initializers that hold codes: the model's DequantizeLinear nodes say what these stand for.
#include "tools/inputs/onnx/onnx_quantized.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/inputs/scaled_source.hpp"

namespace rowpool::tools {

namespace {

/// Codes and the one node that decodes them.
struct Decoded {
    const OnnxValues* codes = nullptr;
    const OnnxNode* node = nullptr;
    bool gathered_first = false;  ///< the node sees rows and not the table
    bool is_ambiguous = false;
};

struct Blocks {
    std::size_t rows;
    std::size_t columns;
};

bool are_codes(const OnnxValues& values) {
    return values.shape.size() == 2 && element_bytes(values.element) == 1 && values.shape[1] > 0 &&
           values.shape[1] <= kMaxDim;
}

class Model {
public:
    Model(const std::shared_ptr<const support::MappedFile>& file, const OnnxTensors& tensors)
        : file_(file), tensors_(tensors) {
        for (const OnnxValues& values : tensors.values) values_.emplace(values.name, &values);
        for (const OnnxNode& node : tensors.nodes) {
            if (node.op == "Gather" && node.inputs.size() > 1 && node.axis.value_or(0) == 0) {
                gathered_.emplace(node.output, node.inputs[0]);
            }
        }
    }

    OnnxQuantized tables() const {
        OnnxQuantized found;
        for (const auto& [name, decoded] : decoded_codes()) {
            if (!decoded.is_ambiguous) add_table(decoded, found);
        }
        return found;
    }

private:
    const OnnxValues* find(std::string_view name) const {
        const auto found = values_.find(name);
        return found == values_.end() ? nullptr : found->second;
    }

    std::map<std::string_view, Decoded> decoded_codes() const {
        std::map<std::string_view, Decoded> found;
        for (const OnnxNode& node : tensors_.nodes) {
            if (node.op != "DequantizeLinear" || node.inputs.size() < 2) continue;
            const auto gather = gathered_.find(node.inputs[0]);
            const bool gathered_first = gather != gathered_.end();
            const OnnxValues* codes = find(gathered_first ? gather->second : node.inputs[0]);
            if (codes == nullptr || !are_codes(*codes)) continue;
            const auto [at, is_new] = found.emplace(codes->name, Decoded{codes, &node, gathered_first, false});
            if (!is_new && !is_same(*at->second.node, node)) at->second.is_ambiguous = true;
        }
        return found;
    }

    static bool is_same(const OnnxNode& a, const OnnxNode& b) {
        return std::equal(a.inputs.begin() + 1, a.inputs.end(), b.inputs.begin() + 1, b.inputs.end()) &&
               a.axis == b.axis && a.block_size == b.block_size;
    }

    /// The blocks of codes that share a scale.
    static std::optional<Blocks> blocks_of(const Decoded& decoded, const OnnxValues& scales) {
        const std::uint64_t rows = decoded.codes->shape[0];
        const std::uint64_t columns = decoded.codes->shape[1];
        const auto all_rows = std::max<std::uint64_t>(rows, 1);
        if (std::ranges::all_of(scales.shape, [](std::uint64_t size) { return size == 1; })) {
            return Blocks{all_rows, columns};
        }
        const std::int64_t axis = decoded.node->axis.value_or(1) + (decoded.node->axis.value_or(1) < 0 ? 2 : 0);
        if (decoded.gathered_first || (axis != 0 && axis != 1)) return {};
        if (scales.shape.size() == 1) {
            if (scales.shape[0] != (axis == 0 ? rows : columns)) return {};
            return axis == 0 ? Blocks{1, columns} : Blocks{all_rows, 1};
        }
        if (decoded.node->block_size <= 0) return {};
        const auto block = static_cast<std::uint64_t>(decoded.node->block_size);
        const auto blocks_in = [&](std::uint64_t size) { return size / block + (size % block != 0); };
        const bool fits = axis == 0 ? scales.shape[0] == blocks_in(rows) && scales.shape[1] == columns
                                    : scales.shape[0] == rows && scales.shape[1] == blocks_in(columns);
        if (!fits) return {};
        return axis == 0 ? Blocks{block, 1} : Blocks{1, block};
    }

    void add_table(const Decoded& decoded, OnnxQuantized& found) const {
        const std::vector<std::string_view>& inputs = decoded.node->inputs;
        const OnnxValues* scales = find(inputs[1]);
        if (scales == nullptr || !is_float(scales->element)) return;
        const std::optional<Blocks> blocks = blocks_of(decoded, *scales);
        const bool has_zero_points = inputs.size() > 2 && !inputs[2].empty();
        const OnnxValues* zero_points = has_zero_points ? find(inputs[2]) : nullptr;
        if (!blocks || (has_zero_points && (zero_points == nullptr || zero_points->shape != scales->shape))) return;
        const OnnxValues& codes = *decoded.codes;
        ScaledCodes parts = {matrix_of(codes), BlockNumbers{matrix_of(*scales), blocks->rows, blocks->columns}, {}};
        if (has_zero_points) parts.zero_points = BlockNumbers{matrix_of(*zero_points), blocks->rows, blocks->columns};
        NewTable description;
        description.name = codes.name;
        description.source = file_name_of(file_->path()) + ":" + description.name;
        description.shape = {RowFormat::f32, codes.shape[0], codes.shape[1], 0, {}};
        found.sources.push_back(make_scaled_source(file_->path(), std::move(description), std::move(parts)));
        found.taken.insert({codes.name, scales->name});
        if (has_zero_points) found.taken.insert(zero_points->name);
    }

    /// A vector has its numbers along the axis: whichever that is, steps of rows and columns are the same.
    Matrix matrix_of(const OnnxValues& values) const {
        const std::size_t columns = values.shape.size() == 2 ? values.shape[1] : 1;
        const std::size_t rows = values.shape.empty() ? 1 : values.shape[0];
        const auto unpacked = std::make_shared<const std::vector<std::byte>>(values.unpacked);
        const bool is_unpacked = !values.unpacked.empty();
        Matrix matrix = is_unpacked ? dense_matrix(unpacked, unpacked->data(), values.element, rows, columns)
                                    : dense_matrix(file_, values.bytes.data(), values.element, rows, columns);
        if (values.shape.size() < 2) matrix.row_step = matrix.column_step;
        return matrix;
    }

    const std::shared_ptr<const support::MappedFile>& file_;
    const OnnxTensors& tensors_;
    std::map<std::string_view, const OnnxValues*> values_;
    std::map<std::string_view, std::string_view> gathered_;  ///< what comes of a Gather: the data that it takes rows of
};

}  // namespace

OnnxQuantized quantized_tables(const std::shared_ptr<const support::MappedFile>& file, const OnnxTensors& tensors) {
    return Model(file, tensors).tables();
}

}  // namespace rowpool::tools
