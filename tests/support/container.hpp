// Safetensors files put together by hand, right or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "file/checksum.hpp"

namespace rowpool::test {

/// A file with that length word, header and `data_bytes` bytes of data.
inline std::string container(std::uint64_t length, std::string_view header, std::size_t data_bytes) {
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    return file.append(header).append(data_bytes, 'd');
}

inline std::string container(std::string_view header, std::size_t data_bytes) {
    return container(header.size(), header, data_bytes);
}

/// A header entry, for example entry("t", "F32", "[2,3]", 0, 24).
inline std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                         std::uint64_t begin, std::uint64_t end) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
}

/// A header of these entries.
inline std::string header_of(std::initializer_list<std::string> entries) {
    std::string header;
    for (const std::string& entry : entries) header.append(header.empty() ? "{" : ",").append(entry);
    return header.append("}");
}

/// The header with its checksum, if it has one, in its place: by the words of docs/FORMAT.md.
inline std::string sealed(std::string header) {
    constexpr std::string_view kLead = R"("rowpool.xxh3":")";
    constexpr std::size_t kDigits = 16;
    const std::size_t lead = header.find(kLead);
    if (lead == header.npos || header.size() - lead - kLead.size() < kDigits) return header;
    const std::size_t digits = lead + kLead.size();
    header.replace(digits, kDigits, kDigits, '0');
    return header.replace(digits, kDigits, file::to_hex(file::xxh3(std::as_bytes(std::span(header)))));
}

/// The file with the checksum of its header in its place, if it has one.
inline std::string sealed_file(std::span<const std::byte> bytes) {
    std::string file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::uint64_t length = 0;
    if (file.size() <= sizeof length) return file;
    std::memcpy(&length, file.data(), sizeof length);
    if (length > file.size() - sizeof length) return file;
    return file.replace(sizeof length, length, sealed(file.substr(sizeof length, length)));
}

}  // namespace rowpool::test
