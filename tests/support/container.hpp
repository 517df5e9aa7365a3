// Safetensors files put together by hand, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

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

}  // namespace rowpool::test
