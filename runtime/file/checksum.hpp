// XXH3 checksums: of a byte span, and of a table, block by block while it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowpool::file {

/// Bytes that one checksum of a table covers in files that rowpool writes; the last block may be shorter.
inline constexpr std::size_t kChecksumBlock = std::size_t{1} << 20;

/// XXH3-64 with seed 0.
std::uint64_t xxh3(std::span<const std::byte> bytes) noexcept;

/// A checksum as 16 lower-case hexadecimal digits, most significant first.
std::string to_hex(std::uint64_t checksum);
/// The inverse of to_hex; nothing when the text is anything else.
std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept;

/// The number of checksums for that many bytes. `block` is not 0.
constexpr std::uint64_t block_count(std::uint64_t bytes, std::uint64_t block) noexcept {
    return bytes / block + (bytes % block != 0 ? 1 : 0);
}

/// Checksums of consecutive blocks of kChecksumBlock bytes, appended in pieces of any size. Buffers at most one block.
class BlockChecksums {
public:
    void append(std::span<const std::byte> bytes);
    /// The checksums of everything appended; nothing can be appended afterwards.
    const std::vector<std::uint64_t>& finish();

private:
    void close_block();

    std::vector<std::byte> partial_;
    std::vector<std::uint64_t> checksums_;
};

}  // namespace rowpool::file
