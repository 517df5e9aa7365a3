// The safetensors container: which tensors a file holds and where their bytes are (docs/FORMAT.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/status.hpp"

namespace rowpool::file {

/// One tensor: bytes [begin, end) of the data section.
struct Tensor {
    std::string name;
    std::string dtype;  ///< as written, for example "F32"; may be unknown to rowpool
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    std::uint64_t size() const noexcept { return end - begin; }
};

/// A checked header: its tensors are within the file, one after the other without holes.
struct SafetensorsHeader {
    std::vector<Tensor> tensors;  ///< in the order of their bytes
    std::map<std::string, std::string> metadata;
    std::string_view text;         ///< the header's JSON with its padding; points into the file
    std::uint64_t data_begin = 0;  ///< first byte of the data section in the file
};

/// Bytes before the header: its length.
inline constexpr std::size_t kLengthBytes = 8;
/// Longest header that any safetensors reader accepts.
inline constexpr std::uint64_t kLongestHeader = 100'000'000;

/// Reads and checks the header of a mapped file. `path` is for messages.
/// Error: corrupt_file, with path, tensor and byte.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& path);

/// The JSON text of a header, without padding. Bytes of metadata that are not UTF-8 become U+FFFD.
std::string safetensors_header(std::span<const Tensor> tensors, const std::map<std::string, std::string>& metadata);

}  // namespace rowpool::file
