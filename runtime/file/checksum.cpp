// The only source that includes xxHash; it is compiled in, so that the library does not link with libxxhash.
#include "file/checksum.hpp"

#include <algorithm>
#include <charconv>

#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): xxHash's own name
#include <xxhash.h>

namespace rowpool::file {

std::uint64_t xxh3(std::span<const std::byte> bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string to_hex(std::uint64_t checksum) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(16, '0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = kDigits[checksum >> (60 - 4 * i) & 15];
    return text;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) noexcept {
    const bool digits_only = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (text.size() != 16 || !digits_only) return std::nullopt;
    std::uint64_t checksum = 0;
    std::from_chars(text.data(), text.data() + text.size(), checksum, 16);
    return checksum;
}

void BlockChecksums::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (partial_.empty() && bytes.size() >= kChecksumBlock) {  // no need to copy
            checksums_.push_back(xxh3(bytes.first(kChecksumBlock)));
            bytes = bytes.subspan(kChecksumBlock);
            continue;
        }
        const std::size_t taken = std::min(bytes.size(), kChecksumBlock - partial_.size());
        partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
        bytes = bytes.subspan(taken);
        if (partial_.size() == kChecksumBlock) close_block();
    }
}

const std::vector<std::uint64_t>& BlockChecksums::finish() {
    if (!partial_.empty()) close_block();
    return checksums_;
}

void BlockChecksums::close_block() {
    checksums_.push_back(xxh3(partial_));
    partial_.clear();
}

}  // namespace rowpool::file
