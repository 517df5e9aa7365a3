// Protocol Buffers' wire format, read where it lies.
#include "tools/inputs/onnx/protobuf.hpp"

#include <algorithm>

namespace rowpool::tools {

namespace {

constexpr std::size_t kLongestVarint = 10;  // bytes, of 7 bits each
constexpr std::uint64_t kLargestNumber = (1U << 29) - 1;

/// How many bytes a value takes that is no varint, taking a length off `rest` where there is one.
std::optional<std::uint64_t> take_size(WireType type, std::span<const std::byte>& rest) {
    if (type == WireType::fixed32) return 4;
    if (type == WireType::fixed64) return 8;
    if (type == WireType::bytes) return take_varint(rest);
    return {};
}

}  // namespace

std::optional<std::uint64_t> take_varint(std::span<const std::byte>& rest) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < std::min(rest.size(), kLongestVarint); ++i) {
        const auto byte = std::to_integer<std::uint64_t>(rest[i]);
        if (i + 1 == kLongestVarint && byte > 1) return {};
        value |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0) continue;
        rest = rest.subspan(i + 1);
        return value;
    }
    return {};
}

std::optional<ProtoField> take_proto_field(std::span<const std::byte>& rest) {
    std::span<const std::byte> ahead = rest;
    const std::optional<std::uint64_t> tag = take_varint(ahead);
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > kLargestNumber) return {};
    ProtoField field = {.number = static_cast<std::uint32_t>(*tag >> 3), .type = static_cast<WireType>(*tag & 7)};
    if (field.type == WireType::varint) {
        const std::optional<std::uint64_t> value = take_varint(ahead);
        if (!value) return {};
        field.value = *value;
    } else {
        const std::optional<std::uint64_t> size = take_size(field.type, ahead);
        if (!size || *size > ahead.size()) return {};
        field.bytes = ahead.first(*size);
        ahead = ahead.subspan(*size);
    }
    rest = ahead;
    return field;
}

}  // namespace rowpool::tools
