// What a checkpoint may refer to besides plain values, and what comes of it: PyTorch's tensors and Python's containers.
#include "tools/inputs/torch/torch_objects.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kMostDimensions = 64;  // PyTorch's own limit
constexpr std::size_t kLongestKey = 65535;   // a zip archive's

/// Reads the arguments of a call, each by its place.
class Arguments {
public:
    Arguments(std::string_view function, const PickleTuple& values, const std::string& where)
        : function_(function), values_(values), where_(where) {}

    /// Those of another function that is called in the same place.
    Arguments of(std::string_view function, const PickleTuple& values) const { return {function, values, where_}; }

    std::size_t count() const { return values_.items.size(); }

    template <class T>
    const T& get(std::size_t i) const {
        const T* value = i < count() ? std::get_if<T>(&values_.items[i]->data) : nullptr;
        if (value == nullptr) fault("its argument " + std::to_string(i) + " is not what torch.save writes");
        return *value;
    }

    /// A size, stride or offset.
    std::uint64_t size(std::size_t i) const { return unsigned_of(get<std::int64_t>(i)); }

    std::vector<std::uint64_t> sizes(std::size_t i) const { return sizes_in(get<PickleTuple>(i)); }

    std::vector<std::uint64_t> sizes_in(const PickleTuple& tuple) const {
        std::vector<std::uint64_t> sizes;
        const std::vector<const PickleValue*>& items = tuple.items;
        if (items.size() > kMostDimensions) fault("over 64 dimensions");
        for (const PickleValue* item : items) {
            const auto* size = std::get_if<std::int64_t>(&item->data);
            if (size == nullptr) fault("a size or stride that is no integer below 2^63");
            sizes.push_back(unsigned_of(*size));
        }
        return sizes;
    }

    const PickleValue& value(std::size_t i) const {
        if (i >= count()) fault("it lacks argument " + std::to_string(i));
        return *values_.items[i];
    }

    [[noreturn]] void fault(const std::string& what) const { fail(where_, "in ", function_, ": ", what); }

private:
    std::uint64_t unsigned_of(std::int64_t size) const {
        if (size < 0) fault("a size, stride or offset of " + std::to_string(size));
        return static_cast<std::uint64_t>(size);
    }

    std::string_view function_;
    const PickleTuple& values_;
    const std::string& where_;
};

/// Elements up to and with the last one of a tensor that has any; nothing when they cannot be counted.
std::optional<std::uint64_t> extent(const TorchTensor& tensor) {
    std::uint64_t last = tensor.offset;
    if (std::ranges::count(tensor.sizes, 0U) != 0) return 0;
    for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
        std::uint64_t span = 0;
        if (__builtin_mul_overflow(tensor.sizes[i] - 1, tensor.strides[i], &span)) return {};
        if (__builtin_add_overflow(last, span, &last)) return {};
    }
    if (last == std::numeric_limits<std::uint64_t>::max()) return {};
    return last + 1;
}

/// Every element must lie in the storage, and their number must fit 63 bits.
void check_bounds(const TorchTensor& tensor, const Arguments& arguments) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : tensor.sizes) {
        if (__builtin_mul_overflow(count, std::max<std::uint64_t>(size, 1), &count) || count >> 63 != 0) {
            arguments.fault("shape " + shape_text(tensor.sizes) + " overflows");
        }
    }
    std::uint64_t bits = 0;
    const std::optional<std::uint64_t> elements = extent(tensor);
    const bool counted = elements && !__builtin_mul_overflow(*elements, std::uint64_t{tensor.type->bits}, &bits);
    if (counted && bits / 8 + (bits % 8 != 0) <= tensor.storage->bytes) return;
    arguments.fault("shape " + shape_text(tensor.sizes) + " with strides " + shape_text(tensor.strides) +
                    " at offset " + std::to_string(tensor.offset) + " goes beyond the " +
                    std::to_string(tensor.storage->bytes) + " bytes of storage " + printable(tensor.storage->key));
}

/// (storage, offset, sizes, strides, ...): what all tensors of a storage begin with. Nothing when it has more than
/// three dimensions: it is no stack of tables, and a thousand bytes of sizes and strides for three opcodes would be a
/// bomb.
TorchTensor* add_tensor(PickleTree& tree, const Arguments& arguments, const TorchType* type) {
    TorchTensor tensor;
    tensor.storage = arguments.get<const TorchStorage*>(0);
    tensor.type = type != nullptr ? type : tensor.storage->type;
    tensor.offset = arguments.size(1);
    tensor.sizes = arguments.sizes(2);
    tensor.strides = arguments.sizes(3);
    if (tensor.sizes.size() != tensor.strides.size()) arguments.fault("not as many strides as sizes");
    check_bounds(tensor, arguments);
    if (tensor.sizes.size() > 3) return nullptr;
    return &tree.tensors.emplace_back(std::move(tensor));
}

PickleValue value_of_tensor(const TorchTensor* tensor) {
    if (tensor == nullptr) return {PickleOpaque()};
    return {tensor};
}

PickleValue unreadable_tensor(TorchTensor* tensor, const char* why) {
    if (tensor != nullptr) tensor->unreadable = why;
    return value_of_tensor(tensor);
}

constexpr const char* kNegated = "stored as its negative; save t.resolve_neg()";
constexpr const char* kQuantized = "quantized in a way that no table has; save t.dequantize()";

/// Whether argument i, a dict of what a tensor's elements stand for, has an entry that is true: their negatives.
bool is_negated(const Arguments& arguments, std::size_t i) {
    if (i >= arguments.count()) return false;
    const auto* dict = std::get_if<PickleDict>(&arguments.value(i).data);
    return dict != nullptr && std::ranges::any_of(dict->entries, [](const auto& entry) {
               const auto* negated = std::get_if<bool>(&entry.second->data);
               return negated != nullptr && *negated;
           });
}

PickleValue rebuild_tensor(PickleTree& tree, const Arguments& arguments) {
    TorchTensor* tensor = add_tensor(tree, arguments, nullptr);
    return is_negated(arguments, 6) ? unreadable_tensor(tensor, kNegated) : value_of_tensor(tensor);
}

/// As rebuild_tensor, with the element type as argument 6, because the storage is untyped.
PickleValue rebuild_typed_tensor(PickleTree& tree, const Arguments& arguments) {
    const TorchType* type = find_torch_dtype(arguments.get<PickleGlobal>(6).name);
    if (type == nullptr) arguments.fault("its argument 6 is no element type");
    TorchTensor* tensor = add_tensor(tree, arguments, type);
    return is_negated(arguments, 7) ? unreadable_tensor(tensor, kNegated) : value_of_tensor(tensor);
}

/// (scheme, scale, zero point), or (scheme, scales, zero points, axis); nothing for what torch.save does not write.
std::optional<TorchQuantization> quantization_of(const std::vector<const PickleValue*>& scheme) {
    TorchQuantization found;
    if (scheme.size() == 3) {
        const auto* scale = std::get_if<double>(&scheme[1]->data);
        const auto* zero_point = std::get_if<std::int64_t>(&scheme[2]->data);
        if (scale == nullptr || zero_point == nullptr) return {};
        found.scale = *scale;
        found.zero_point = *zero_point;
        return found;
    }
    if (scheme.size() != 4) return {};
    const auto* scales = std::get_if<const TorchTensor*>(&scheme[1]->data);
    const auto* zero_points = std::get_if<const TorchTensor*>(&scheme[2]->data);
    const auto* axis = std::get_if<std::int64_t>(&scheme[3]->data);
    if (scales == nullptr || zero_points == nullptr || axis == nullptr) return {};
    found.scales = *scales;
    found.zero_points = *zero_points;
    found.axis = *axis;
    return found;
}

/// As rebuild_tensor; argument 4 says what codes mean.
PickleValue rebuild_quantized(PickleTree& tree, const Arguments& arguments) {
    TorchTensor* tensor = add_tensor(tree, arguments, nullptr);
    const std::vector<const PickleValue*>& scheme = arguments.get<PickleTuple>(4).items;
    if (tensor == nullptr) return value_of_tensor(tensor);
    tensor->quantization = quantization_of(scheme);
    return tensor->quantization ? value_of_tensor(tensor) : unreadable_tensor(tensor, kQuantized);
}

/// Argument 0, which other functions made. What is no tensor, or none that can be a table, stays opaque.
PickleValue parameter(PickleTree& /*tree*/, const Arguments& arguments) {
    const auto* tensor = std::get_if<const TorchTensor*>(&arguments.value(0).data);
    if (tensor == nullptr) return {PickleOpaque()};
    return {*tensor};
}

/// (tensor, element type, device, whether it has a gradient): of XLA and other devices, saved from the CPU.
PickleValue rebuild_on_device(PickleTree& tree, const Arguments& arguments) {
    const auto* tensor = std::get_if<const TorchTensor*>(&arguments.value(0).data);
    const TorchType* type = find_torch_dtype(arguments.get<PickleGlobal>(1).name);
    if (tensor == nullptr || type == nullptr) return {PickleOpaque()};
    if (type == (*tensor)->type) return {*tensor};
    return unreadable_tensor(&tree.tensors.emplace_back(**tensor), "to be cast when it is loaded; save it on the CPU");
}

/// (layout, (indices, ..., values, size, ...)): the values that are not zero and where they belong.
PickleValue rebuild_sparse(PickleTree& tree, const Arguments& arguments) {
    const TorchTensor* values = nullptr;
    const PickleTuple* size = nullptr;
    for (const PickleValue* item : arguments.get<PickleTuple>(1).items) {
        if (const auto* tensor = std::get_if<const TorchTensor*>(&item->data); tensor != nullptr) values = *tensor;
        if (const auto* tuple = std::get_if<PickleTuple>(&item->data); tuple != nullptr) size = tuple;
    }
    if (values == nullptr || size == nullptr || size->items.size() > 3) return {PickleOpaque()};
    TorchTensor tensor = *values;
    tensor.sizes = arguments.sizes_in(*size);
    tensor.strides.assign(tensor.sizes.size(), 0);
    return unreadable_tensor(&tree.tensors.emplace_back(std::move(tensor)), "sparse; save its to_dense()");
}

/// (values, sizes, strides, offsets): tensors of several sizes, one after the other.
PickleValue rebuild_nested(PickleTree& tree, const Arguments& arguments) {
    const auto* values = std::get_if<const TorchTensor*>(&arguments.value(0).data);
    const auto* sizes = std::get_if<const TorchTensor*>(&arguments.value(1).data);
    if (values == nullptr || sizes == nullptr || (*sizes)->sizes.size() != 2) return {PickleOpaque()};
    TorchTensor tensor = **values;
    tensor.nested = (*sizes)->sizes[0];
    return unreadable_tensor(&tree.tensors.emplace_back(std::move(tensor)),
                             "nested; save its tensors one by one, as unbind() gives them");
}

PickleValue rebuild_with_attributes(PickleTree& tree, const Arguments& arguments);

PickleValue size(PickleTree& /*tree*/, const Arguments& arguments) {
    const auto& sizes = arguments.get<PickleTuple>(0);
    if (sizes.items.size() > kMostDimensions) arguments.fault("over 64 dimensions");
    return {sizes};
}

PickleValue empty_dict(PickleTree& /*tree*/, const Arguments& arguments) {
    if (arguments.count() != 0) arguments.fault("it is called with arguments");
    return {PickleDict()};
}

PickleValue opaque(PickleTree& /*tree*/, const Arguments& /*arguments*/) { return {PickleOpaque()}; }

struct Function {
    std::string_view name;
    PickleValue (*call)(PickleTree& tree, const Arguments& arguments);
};

constexpr std::array kFunctions = {
    Function{"torch._utils._rebuild_tensor", rebuild_tensor},
    Function{"torch._utils._rebuild_tensor_v2", rebuild_tensor},
    Function{"torch._utils._rebuild_tensor_v3", rebuild_typed_tensor},
    Function{"torch._utils._rebuild_qtensor", rebuild_quantized},
    Function{"torch._tensor._rebuild_from_type_v2", rebuild_with_attributes},
    Function{"torch._utils._rebuild_device_tensor_from_cpu_tensor", rebuild_on_device},
    Function{"torch._utils._rebuild_parameter", parameter},
    Function{"torch._utils._rebuild_parameter_with_state", parameter},
    Function{"torch.nn.parameter.Parameter", parameter},
    Function{"torch.Size", size},
    Function{"collections.OrderedDict", empty_dict},
    Function{"torch._utils._rebuild_sparse_tensor", rebuild_sparse},
    Function{"torch._utils._rebuild_nested_tensor", rebuild_nested},
    Function{"torch._utils._rebuild_meta_tensor_no_storage", opaque},
    Function{"torch.serialization._get_layout", opaque},
    Function{"torch.device", opaque},
    Function{"torch.Tensor", opaque},
    Function{"collections.Counter", opaque},
    Function{"_codecs.encode", opaque},
    Function{"builtins.bytearray", opaque},
    Function{"builtins.complex", opaque},
    Function{"builtins.set", opaque},
};

constexpr std::array<std::string_view, 5> kSchemes = {"torch.per_tensor_affine", "torch.per_channel_affine",
                                                      "torch.per_tensor_symmetric", "torch.per_channel_symmetric",
                                                      "torch.per_channel_affine_float_qparams"};

const Function* find_function(std::string_view name) {
    const auto found = std::ranges::find(kFunctions, name, &Function::name);
    return found == kFunctions.end() ? nullptr : &*found;
}

/// (function, class, its arguments, attributes): a tensor that somebody set attributes of.
PickleValue rebuild_with_attributes(PickleTree& tree, const Arguments& arguments) {
    const Function* function = find_function(arguments.get<PickleGlobal>(0).name);
    if (function == nullptr || function->call == rebuild_with_attributes) {
        arguments.fault("its argument 0 makes no tensor");
    }
    return function->call(tree, arguments.of(function->name, arguments.get<PickleTuple>(2)));
}

}  // namespace

std::optional<std::string_view> find_global(std::string_view name) {
    if (const Function* function = find_function(name)) return function->name;
    if (const TorchType* type = find_torch_dtype(name)) return type->dtype;
    if (const TorchType* type = find_torch_storage(name)) return type->storage;
    const auto scheme = std::ranges::find(kSchemes, name);
    return scheme == kSchemes.end() ? std::nullopt : std::optional(*scheme);
}

PickleValue call_global(PickleTree& tree, std::string_view name, const PickleTuple& arguments,
                        const std::string& where) {
    const Function* function = find_function(name);
    if (function == nullptr) fail(where, "calls ", name, ", which is no function");
    return function->call(tree, Arguments(name, arguments, where));
}

const TorchStorage* find_storage(PickleTree& tree, const PickleValue& id, const std::string& where) {
    const auto* parts = std::get_if<PickleTuple>(&id.data);
    if (parts == nullptr) fail(where, "a persistent id that is no storage");
    const Arguments arguments("a storage", *parts, where);
    if (arguments.get<std::string_view>(0) != "storage") arguments.fault("it is of another kind");
    TorchStorage storage;
    storage.type = find_torch_storage(arguments.get<PickleGlobal>(1).name);
    if (storage.type == nullptr) arguments.fault("its class is none of storages");
    storage.key = arguments.get<std::string_view>(2);
    if (storage.key.size() > kLongestKey) arguments.fault("its key is longer than names in an archive");
    if (__builtin_mul_overflow(arguments.size(4), std::uint64_t{storage.type->storage_bytes}, &storage.bytes)) {
        arguments.fault("its size overflows");
    }
    return &tree.storages.emplace_back(storage);
}

}  // namespace rowpool::tools
