// The initializers of ONNX models that can be tables.
#include "tools/inputs/onnx/onnx.hpp"

#include <array>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/onnx/protobuf.hpp"

namespace rowpool::tools {

namespace {

// Field numbers of ModelProto, GraphProto, TensorProto and StringStringEntryProto.
constexpr std::uint32_t kIrVersion = 1;
constexpr std::uint32_t kGraph = 7;
constexpr std::uint32_t kInitializer = 5;
constexpr std::uint32_t kDims = 1;
constexpr std::uint32_t kDataType = 2;
constexpr std::uint32_t kSegment = 3;
constexpr std::uint32_t kFloatData = 4;
constexpr std::uint32_t kInt32Data = 5;
constexpr std::uint32_t kStringData = 6;
constexpr std::uint32_t kInt64Data = 7;
constexpr std::uint32_t kName = 8;
constexpr std::uint32_t kRawData = 9;
constexpr std::uint32_t kDoubleData = 10;
constexpr std::uint32_t kUint64Data = 11;
constexpr std::uint32_t kExternalData = 13;
constexpr std::uint32_t kDataLocation = 14;
constexpr std::uint32_t kKey = 1;
constexpr std::uint32_t kValue = 2;
// Of GraphProto, NodeProto and AttributeProto.
constexpr std::uint32_t kNode = 1;
constexpr std::uint32_t kInput = 1;
constexpr std::uint32_t kOutput = 2;
constexpr std::uint32_t kOpType = 4;
constexpr std::uint32_t kAttribute = 5;
constexpr std::uint32_t kAttributeName = 1;
constexpr std::uint32_t kInteger = 3;
constexpr std::size_t kMostInputs = 3;

/// The fields of one message of a file, one after the other.
class Message {
public:
    /// A whole file.
    Message(const std::string& path, std::span<const std::byte> bytes) : path_(path), file_(bytes), rest_(bytes) {}

    const std::string& path() const { return path_; }
    /// Byte of the file at which the next field begins.
    std::size_t at() const { return static_cast<std::size_t>(rest_.data() - file_.data()); }

    std::optional<ProtoField> next() {
        if (rest_.empty()) return {};
        begin_ = at();
        const std::optional<ProtoField> field = take_proto_field(rest_);
        if (!field) fail(path_, ": byte ", begin_, ": no whole field; the model is cut short or damaged");
        return field;
    }

    /// The value of the field just taken, which must be a varint.
    std::uint64_t number(const ProtoField& field) const {
        expect(field, WireType::varint);
        return field.value;
    }

    /// The bytes of the field just taken, which must have some.
    std::span<const std::byte> bytes(const ProtoField& field) const {
        expect(field, WireType::bytes);
        return field.bytes;
    }

    /// The field just taken, which must be a message itself.
    Message nested(const ProtoField& field) const {
        Message message = *this;
        message.rest_ = bytes(field);
        return message;
    }

private:
    void expect(const ProtoField& field, WireType type) const {
        if (field.type == type) return;
        fail(path_, ": byte ", begin_, ": field ", field.number, " has wire type ", unsigned(field.type), ", expected ",
             unsigned(type));
    }

    const std::string& path_;
    std::span<const std::byte> file_;
    std::span<const std::byte> rest_;
    std::size_t begin_ = 0;
};

/// A TensorProto as it stands in the file, or what is needed of it.
struct Fields {
    std::size_t begin = 0;  ///< byte of the file
    std::string_view name;
    std::uint64_t data_type = 0;
    std::uint64_t data_location = 0;
    std::array<std::uint64_t, 3> dims{};
    std::size_t num_dims = 0;
    bool in_segments = false;
    std::optional<ProtoField> values;  ///< whichever field holds them
    std::size_t pieces = 0;            ///< fields that hold values
    std::optional<std::string_view> location;
    std::optional<std::string_view> offset;
    std::optional<std::string_view> length;
};

void add_dim(Fields& fields, std::uint64_t dim) {
    if (fields.num_dims < fields.dims.size()) fields.dims[fields.num_dims] = dim;
    ++fields.num_dims;
}

/// Dims may be packed or not.
void add_dims(Fields& fields, const Message& message, const ProtoField& field) {
    if (field.type == WireType::varint) return add_dim(fields, field.value);
    std::span<const std::byte> rest = message.bytes(field);
    while (!rest.empty()) {
        const std::optional<std::uint64_t> dim = take_varint(rest);
        if (!dim) fail(message.path(), ": tensor at byte ", fields.begin, ": its dims are damaged");
        add_dim(fields, *dim);
    }
}

void add_entry(Fields& fields, Message entry) {
    std::string_view key;
    std::string_view value;
    while (const std::optional<ProtoField> field = entry.next()) {
        if (field->number == kKey) key = as_text(entry.bytes(*field));
        if (field->number == kValue) value = as_text(entry.bytes(*field));
    }
    if (key == "location") fields.location = value;
    if (key == "offset") fields.offset = value;
    if (key == "length") fields.length = value;
}

void add_values(Fields& fields, const ProtoField& field) {
    if (field.type == WireType::bytes && field.bytes.empty()) return;
    fields.values = field;
    ++fields.pieces;
}

void add_field(Fields& fields, const Message& message, const ProtoField& field) {
    switch (field.number) {
        case kDims:
            return add_dims(fields, message, field);
        case kDataType:
            fields.data_type = message.number(field);
            return;
        case kDataLocation:
            fields.data_location = message.number(field);
            return;
        case kSegment:
            fields.in_segments = true;
            return;
        case kName:
            fields.name = as_text(message.bytes(field));
            return;
        case kExternalData:
            return add_entry(fields, message.nested(field));
        case kFloatData:
        case kInt32Data:
        case kStringData:
        case kInt64Data:
        case kRawData:
        case kDoubleData:
        case kUint64Data:
            return add_values(fields, field);
        default:
            return;  // what later versions of the format add
    }
}

Fields read_fields(Message message) {
    Fields fields;
    fields.begin = message.at();
    while (const std::optional<ProtoField> field = message.next()) add_field(fields, message, *field);
    return fields;
}

std::optional<OnnxType> type_of(std::uint64_t data_type) {
    for (const OnnxType type : {OnnxType::f32, OnnxType::f16, OnnxType::f64, OnnxType::bf16}) {
        if (data_type == static_cast<std::uint64_t>(type)) return type;
    }
    return {};
}

/// The field beside raw_data that may hold values of a type.
std::uint32_t typed_field(OnnxType type) {
    if (type == OnnxType::f32) return kFloatData;
    return type == OnnxType::f64 ? kDoubleData : kInt32Data;
}

/// Makes a table's tensor of fields; fails, naming the tensor, when they contradict each other.
class Maker {
public:
    Maker(const std::string& path, const Fields& fields, OnnxType type) : path_(path), fields_(fields) {
        tensor_.name = fields.name;
        tensor_.type = type;
    }

    OnnxTensor make() {
        if (tensor_.name.empty()) refuse("it has no name");
        if (fields_.in_segments) refuse("its values are in segments, which rowpool does not read");
        set_shape();
        if (fields_.data_location > 1) refuse("data_location ", fields_.data_location, " is unknown");
        if (fields_.pieces > (fields_.data_location == 0 ? 1 : 0)) refuse("its values are in more than one place");
        if (fields_.data_location == 1) {
            set_external();
        } else {
            set_values();
        }
        return tensor_;
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse(const Parts&... parts) const {
        fail(path_, ": initializer ", printable(tensor_.name), " at byte ", fields_.begin, ": ", parts...);
    }

    void set_shape() {
        for (const std::uint64_t dim : fields_.dims) {
            if (static_cast<std::int64_t>(dim) < 0) refuse("a dimension of ", static_cast<std::int64_t>(dim));
        }
        tensor_.rows = fields_.dims[0];
        tensor_.dim = fields_.dims[1];
        if (__builtin_mul_overflow(tensor_.rows, tensor_.dim, &tensor_.bytes) ||
            __builtin_mul_overflow(tensor_.bytes, item_bytes(tensor_.type), &tensor_.bytes)) {
            refuse("its size, ", tensor_.rows, " x ", tensor_.dim, " elements, overflows");
        }
    }

    void set_values() {
        const ProtoField values = fields_.values.value_or(ProtoField{.number = kRawData, .type = WireType::bytes});
        if (values.number != kRawData && values.number != typed_field(tensor_.type)) {
            refuse("its values are in field ", values.number, ", which is not for its type");
        }
        if (values.type != WireType::bytes) refuse("its values are not packed");
        tensor_.values = values.bytes;
        if (values.number == kInt32Data) {
            tensor_.varints = values.bytes;
        } else if (values.bytes.size() != tensor_.bytes) {
            refuse(values.bytes.size(), " bytes of values, but ", tensor_.rows, " x ", tensor_.dim, " elements of ",
                   item_bytes(tensor_.type), " bytes are ", tensor_.bytes);
        }
    }

    void set_external() {
        if (!fields_.location) refuse("its values are in another file, which it does not name");
        OnnxLocation& external = tensor_.external.emplace();
        external.path = *fields_.location;
        if (fields_.offset) external.offset = number("offset", *fields_.offset);
        if (fields_.length) external.length = number("length", *fields_.length);
    }

    std::uint64_t number(const char* what, std::string_view text) const {
        std::uint64_t value = 0;
        const char* end = text.data() + text.size();
        const auto [stop, failure] = std::from_chars(text.data(), end, value);
        if (failure != std::errc() || stop != end) refuse(what, " '", printable(text), "' is no number of bytes");
        return value;
    }

    const std::string& path_;
    const Fields& fields_;
    OnnxTensor tensor_;
};

std::optional<Element> element_of(std::uint64_t data_type) {
    static constexpr std::array<std::pair<std::uint64_t, Element>, 11> kElements = {{{1, Element::f32},
                                                                                     {2, Element::u8},
                                                                                     {3, Element::i8},
                                                                                     {6, Element::i32},
                                                                                     {10, Element::f16},
                                                                                     {11, Element::f64},
                                                                                     {16, Element::bf16},
                                                                                     {17, Element::f8_e4m3},
                                                                                     {18, Element::f8_e4m3fnuz},
                                                                                     {19, Element::f8_e5m2},
                                                                                     {20, Element::f8_e5m2fnuz}}};
    for (const auto& [number, element] : kElements) {
        if (number == data_type) return element;
    }
    return {};
}

/// Elements that int32_data holds as varints, `bytes` in all; empty when there are not as many.
std::vector<std::byte> unpacked(const ProtoField& field, std::size_t item, std::size_t bytes) {
    std::vector<std::byte> values;
    std::span<const std::byte> rest = field.bytes;
    std::optional<std::uint64_t> word = field.type == WireType::varint ? field.value : take_varint(rest);
    while (word && values.size() < bytes) {
        for (std::size_t i = 0; i < item; ++i) values.push_back(static_cast<std::byte>(*word >> (8 * i) & 0xff));
        word = take_varint(rest);
    }
    return word || !rest.empty() || values.size() != bytes ? std::vector<std::byte>() : values;
}

/// The values of an initializer where they are simple to have: codes and their scales are left out otherwise.
std::optional<OnnxValues> simple_values(const Fields& fields) {
    const std::optional<Element> element = element_of(fields.data_type);
    if (!element || fields.num_dims > 2 || fields.in_segments || fields.data_location != 0) return {};
    if (fields.name.empty() || fields.pieces != 1) return {};
    OnnxValues values = {fields.name, *element, {fields.dims.begin(), fields.dims.begin() + fields.num_dims}, {}, {}};
    std::uint64_t bytes = element_bytes(*element);
    for (const std::uint64_t dim : values.shape) {
        if (__builtin_mul_overflow(bytes, dim, &bytes)) return {};
    }
    const ProtoField& field = *fields.values;
    const bool is_raw = field.number == kRawData || (field.number == kFloatData && *element == Element::f32);
    if (is_raw && field.bytes.size() == bytes) {
        values.bytes = field.bytes;
        return values;
    }
    const bool may_be_varints = element_bytes(*element) == 1 || *element == Element::i32;
    if (field.number != kInt32Data || !may_be_varints || fields.num_dims == 2) return {};
    values.unpacked = unpacked(field, element_bytes(*element), bytes);
    if (values.unpacked.empty()) return {};
    return values;
}

void add_attribute(OnnxNode& node, Message attribute) {
    std::string_view name;
    std::int64_t value = 0;
    while (const std::optional<ProtoField> field = attribute.next()) {
        if (field->number == kAttributeName) name = as_text(attribute.bytes(*field));
        if (field->number == kInteger) value = static_cast<std::int64_t>(attribute.number(*field));
    }
    if (name == "axis") node.axis = value;
    if (name == "block_size") node.block_size = value;
}

/// A node that may say what codes stand for.
std::optional<OnnxNode> read_node(Message message) {
    OnnxNode node;
    Message fields = message;
    while (const std::optional<ProtoField> field = fields.next()) {
        if (field->number == kOpType) node.op = as_text(fields.bytes(*field));
    }
    if (node.op != "DequantizeLinear" && node.op != "Gather") return {};
    while (const std::optional<ProtoField> field = message.next()) {
        if (field->number == kInput && node.inputs.size() < kMostInputs) {
            node.inputs.push_back(as_text(message.bytes(*field)));
        }
        if (field->number == kOutput) node.output = as_text(message.bytes(*field));
        if (field->number == kAttribute) add_attribute(node, message.nested(*field));
    }
    return node;
}

/// Collects the tensors of one graph.
void add_graph(Message graph, std::set<std::string_view>& names, OnnxTensors& tensors) {
    while (const std::optional<ProtoField> field = graph.next()) {
        if (field->number == kNode) {
            if (std::optional<OnnxNode> node = read_node(graph.nested(*field)))
                tensors.nodes.push_back(*std::move(node));
        }
        if (field->number != kInitializer) continue;
        const Fields fields = read_fields(graph.nested(*field));
        if (!fields.name.empty() && !names.insert(fields.name).second) {
            fail(graph.path(), ": initializer ", printable(fields.name), " at byte ", fields.begin,
                 ": another one has that name");
        }
        if (std::optional<OnnxValues> values = simple_values(fields)) tensors.values.push_back(*std::move(values));
        const std::optional<OnnxType> type = type_of(fields.data_type);
        if (type && fields.num_dims == 2 && fields.dims[1] != 0) {
            tensors.tables.push_back(Maker(graph.path(), fields, *type).make());
        } else if (fields.num_dims == 2 || fields.num_dims == 3) {
            const auto end = fields.dims.begin() + static_cast<std::ptrdiff_t>(fields.num_dims);
            tensors.others.push_back({fields.name, fields.data_type, {fields.dims.begin(), end}});
        }
    }
}

}  // namespace

std::size_t item_bytes(OnnxType type) {
    if (type == OnnxType::f64) return 8;
    return type == OnnxType::f32 ? 4 : 2;
}

bool is_onnx(std::span<const std::byte> bytes) {
    std::optional<ProtoField> field = take_proto_field(bytes);
    if (!field || field->number != kIrVersion || field->type != WireType::varint) return false;
    while (field && field->number != kGraph) field = take_proto_field(bytes);
    return field && field->type == WireType::bytes;
}

std::string onnx_type_name(std::uint64_t type) {
    static constexpr std::array<const char*, 24> kNames = {
        "UNDEFINED",      "FLOAT",      "UINT8",          "INT8",       "UINT16",   "INT16",
        "INT32",          "INT64",      "string",         "bool",       "FLOAT16",  "DOUBLE",
        "UINT32",         "UINT64",     "complex64",      "complex128", "BFLOAT16", "FLOAT8E4M3FN",
        "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4",      "INT4",     "FLOAT4E2M1"};
    return type < kNames.size() ? kNames[type] : "element type " + std::to_string(type);
}

OnnxTensors parse_onnx(const std::string& path, std::span<const std::byte> bytes) {
    OnnxTensors tensors;
    std::set<std::string_view> names;
    bool has_graph = false;
    Message model(path, bytes);
    while (const std::optional<ProtoField> field = model.next()) {
        if (field->number != kGraph) continue;
        add_graph(model.nested(*field), names, tensors);
        has_graph = true;
    }
    if (!has_graph) fail(path, ": no ONNX model, or cut short: there is no graph in it");
    return tensors;
}

}  // namespace rowpool::tools
