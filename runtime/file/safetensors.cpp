// Reads and writes safetensors headers.
#include "file/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/checked_math.hpp"
#include "support/strict_json.hpp"
#include "support/text.hpp"

namespace rowpool::file {
namespace {

using Json = nlohmann::json;

constexpr char kMetadataKey[] = "__metadata__";
constexpr std::size_t kHeaderDepth = 3;  // header, tensor, shape

Error corrupt(std::string message) { return {ErrorCode::corrupt_file, std::move(message)}; }

Error corrupt(const Tensor& tensor, const std::string& message) {
    return corrupt("tensor " + support::printable(tensor.name) + ": " + message);
}

// Bits per element, as in the safetensors specification; nothing for an unknown dtype.
std::optional<std::uint64_t> dtype_bits(std::string_view dtype) {
    static constexpr std::pair<std::string_view, std::uint64_t> kDtypes[] = {
        {"F32", 32},    {"F16", 16},    {"BF16", 16},   {"U8", 8},      {"I8", 8},   {"BOOL", 8}, {"F8_E5M2", 8},
        {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},   {"U16", 16}, {"I16", 16},
        {"U32", 32},    {"I32", 32},    {"U64", 64},    {"I64", 64},    {"F64", 64}, {"C64", 64}};
    for (const auto& [name, bits] : kDtypes) {
        if (name == dtype) return bits;
    }
    return std::nullopt;
}

// A list of integers from 0 to 2^64 - 1, and nothing else.
std::optional<std::vector<std::uint64_t>> unsigned_list(const Json& json) {
    if (!json.is_array()) return std::nullopt;
    std::vector<std::uint64_t> values;
    for (const Json& value : json) {
        if (!value.is_number_unsigned()) return std::nullopt;
        values.push_back(value.get<std::uint64_t>());
    }
    return values;
}

Result<Tensor> read_tensor(const std::string& name, const Json& json) {
    Tensor tensor;
    tensor.name = name;
    if (!json.is_object()) return corrupt(tensor, "its entry in the header is not an object");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
        if (!json.contains(key)) return corrupt(tensor, std::string("has no ") + key);
    }
    if (json.size() != 3) return corrupt(tensor, "has keys besides dtype, shape and data_offsets");
    if (!json["dtype"].is_string()) return corrupt(tensor, "dtype is not a string");
    auto shape = unsigned_list(json["shape"]);
    if (!shape) return corrupt(tensor, "shape is not a list of sizes from 0 to 2^64 - 1");
    const auto offsets = unsigned_list(json["data_offsets"]);
    if (!offsets || offsets->size() != 2) return corrupt(tensor, "data_offsets are not two positions in the file");
    tensor.dtype = json["dtype"].get<std::string>();
    tensor.shape = std::move(*shape);
    tensor.begin = (*offsets)[0];
    tensor.end = (*offsets)[1];
    return tensor;
}

Status read_metadata(const Json& json, std::map<std::string, std::string>& metadata) {
    if (!json.is_object()) return corrupt("__metadata__ is not an object");
    for (const auto& [key, value] : json.items()) {
        if (!value.is_string()) return corrupt("__metadata__ " + support::printable(key) + ": is not a string");
        metadata.emplace(key, value.get<std::string>());
    }
    return {};
}

Status read_entries(const Json& json, SafetensorsHeader& header) {
    for (const auto& [name, entry] : json.items()) {
        if (name == kMetadataKey) {
            if (Status read = read_metadata(entry, header.metadata); !read) return read;
            continue;
        }
        auto tensor = read_tensor(name, entry);
        if (!tensor) return tensor.error();
        header.tensors.push_back(std::move(*tensor));
    }
    return {};
}

// Shape and dtype must match the bytes that data_offsets give.
Status check_size(const Tensor& tensor) {
    const auto bits = dtype_bits(tensor.dtype);
    if (!bits) return {};
    std::optional<std::uint64_t> total = *bits;
    for (std::size_t i = 0; i < tensor.shape.size() && total; ++i)
        total = support::checked_mul(*total, tensor.shape[i]);
    const std::string what = "shape " + support::printable(Json(tensor.shape).dump()) + " of " + tensor.dtype;
    if (!total) return corrupt(tensor, what + " overflows 64 bits");
    if (*total % 8 != 0) return corrupt(tensor, what + " is not a whole number of bytes");
    if (*total / 8 == tensor.size()) return {};
    return corrupt(tensor, what + " needs " + std::to_string(*total / 8) + " bytes, its data_offsets give " +
                               std::to_string(tensor.size()));
}

// Tensors follow each other from the first byte of the data section to its last.
Status check_places(const SafetensorsHeader& header, std::uint64_t data_bytes) {
    std::uint64_t covered = 0;
    const auto byte = [&](std::uint64_t position) { return std::to_string(header.data_begin + position); };
    for (const Tensor& tensor : header.tensors) {
        if (tensor.begin > tensor.end) return corrupt(tensor, "ends before it begins");
        if (tensor.end > data_bytes) {
            return corrupt(tensor, "bytes " + std::to_string(tensor.begin) + " to " + std::to_string(tensor.end) +
                                       " of the data section run past its end (" + std::to_string(data_bytes) +
                                       " bytes): the file is truncated or its header is wrong");
        }
        if (tensor.begin < covered)
            return corrupt(tensor, "overlaps the tensor before it at byte " + byte(tensor.begin));
        if (tensor.begin > covered) return corrupt(tensor, "a hole before it starts at byte " + byte(covered));
        if (Status size = check_size(tensor); !size) return size;
        covered = tensor.end;
    }
    if (covered != data_bytes) return corrupt("no tensor covers the file from byte " + byte(covered) + " on");
    return {};
}

Result<SafetensorsHeader> parse(std::span<const std::byte> file) {
    if (file.size() < kLengthBytes) return corrupt("is no safetensors file: shorter than 8 bytes");
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), kLengthBytes);
    if (length > kLongestHeader) {
        return corrupt("is no safetensors file: its header would have " + std::to_string(length) + " bytes, over " +
                       std::to_string(kLongestHeader));
    }
    if (length > file.size() - kLengthBytes) {
        return corrupt("header of " + std::to_string(length) + " bytes runs past the end of the file (" +
                       std::to_string(file.size()) + " bytes)");
    }
    SafetensorsHeader header;
    header.data_begin = kLengthBytes + length;
    header.text = {reinterpret_cast<const char*>(file.data()) + kLengthBytes, length};
    if (!header.text.starts_with('{')) return corrupt("is no safetensors file: its header does not start with '{'");
    const auto json = support::parse_strict_json(header.text, kHeaderDepth);
    if (!json) return corrupt("header " + json.error().message);
    if (const Status read = read_entries(*json, header); !read) return read.error();
    // Sorted by begin and end, so that an empty tensor comes before the tensor that starts at the same byte.
    std::ranges::stable_sort(header.tensors, {}, [](const Tensor& t) { return std::pair(t.begin, t.end); });
    if (const Status placed = check_places(header, file.size() - header.data_begin); !placed) return placed.error();
    return header;
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& path) {
    auto header = parse(file);
    if (!header) return Error{header.error().code, path + ": " + header.error().message};
    return header;
}

std::string safetensors_header(std::span<const Tensor> tensors, const std::map<std::string, std::string>& metadata) {
    Json json;
    json[kMetadataKey] = metadata;
    for (const Tensor& tensor : tensors) {
        json[tensor.name] = {
            {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {tensor.begin, tensor.end}}};
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rowpool::file
