// Protocol Buffers' wire format, read where it lies.
// Source: https://protobuf.dev/programming-guides/encoding/. Groups, which that calls deprecated, are not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace rowpool::tools {

/// How a field's value is stored; the numbers are those of the format.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field of a message. A nested message is bytes, so that nothing here recurses.
struct ProtoField {
    std::uint32_t number = 0;
    WireType type = WireType::varint;
    std::uint64_t value = 0;                ///< of a varint
    std::span<const std::byte> bytes = {};  ///< of all other types
};

/// Takes a varint off `rest`. Nothing, and `rest` is as it was, when it does not begin with one of at most 64 bits.
std::optional<std::uint64_t> take_varint(std::span<const std::byte>& rest);

/// Takes a field off `rest`, the rest of a message. Nothing, and `rest` is as it was, when it does not begin with a
/// whole one.
std::optional<ProtoField> take_proto_field(std::span<const std::byte>& rest);

}  // namespace rowpool::tools
