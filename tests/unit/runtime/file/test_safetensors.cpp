// Safetensors headers: what good ones say, and that each kind of bad one is refused by name and byte.
#include "file/safetensors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/support/container.hpp"
#include "tests/support/files.hpp"

namespace rowpool::test {
namespace {

/// Parses a copy in memory of exactly that size, so that the address sanitizer sees every read past it.
Result<file::SafetensorsHeader> parse(const std::string& file) {
    const auto copy = std::make_unique<std::byte[]>(file.size());
    std::ranges::copy(bytes_of(file), copy.get());
    auto header = file::parse_safetensors({copy.get(), file.size()}, "f");
    if (header) header->text = {};  // pointed into the copy
    return header;
}

std::string fault(const std::string& file) {
    const auto header = parse(file);
    if (header) return "none";
    CHECK(header.error().code == ErrorCode::corrupt_file);
    CHECK(header.error().message.find('\n') == std::string::npos);
    return header.error().message;
}

std::string fault(const std::string& header, std::size_t data_bytes) { return fault(container(header, data_bytes)); }

const std::string kGood = header_of({entry("b", "F16", "[2,2]", 24, 32), R"("__metadata__":{"k":"v","":"empty"})",
                                     entry("a", "F32", "[2,3]", 0, 24)}) +
                          "   ";

TEST_CASE("a header is read in the order of the bytes") {
    const auto header = parse(container(kGood, 32));
    REQUIRE(header);
    REQUIRE(header->tensors.size() == 2);
    CHECK(header->data_begin == 8 + kGood.size());
    CHECK(header->tensors[0].name == "a");
    CHECK(header->tensors[0].dtype == "F32");
    CHECK(header->tensors[0].shape == std::vector<std::uint64_t>{2, 3});
    CHECK(header->tensors[1].name == "b");
    CHECK(header->tensors[1].begin == 24);
    CHECK(header->tensors[1].end == 32);
    CHECK(header->metadata == std::map<std::string, std::string>{{"k", "v"}, {"", "empty"}});
}

TEST_CASE("every prefix of a file is refused, and every longer file") {
    const std::string file = container(kGood, 32);
    for (std::size_t size = 0; size < file.size(); ++size) {
        CAPTURE(size);
        CHECK(fault(file.substr(0, size)) != "none");
    }
    CHECK(fault(file) == "none");
    CHECK(fault(file + "x") == "f: no tensor covers the file from byte " + std::to_string(file.size()) + " on");
}

TEST_CASE("unusual but well-formed files") {
    CHECK(fault("{}", 0) == "none");
    CHECK(fault("{\"__metadata__\":{}}\n \t", 0) == "none");
    CHECK(fault(header_of({entry("scalar", "F64", "[]", 0, 8)}), 8) == "none");
    CHECK(fault(header_of({entry("t", "F32", "[0,8]", 0, 0)}), 0) == "none");
    CHECK(fault(header_of({entry("t", "F32", "[0,18446744073709551615]", 0, 0)}), 0) == "none");
    CHECK(fault(header_of({entry("z", "U8", "[4]", 0, 4), entry("a", "U8", "[0]", 4, 4), entry("y", "U8", "[4]", 4, 8),
                           entry("b", "U8", "[0]", 8, 8)}),
                8) == "none");
    CHECK(fault(header_of({entry("t", "F4", "[3,2]", 0, 3)}), 3) == "none");
    CHECK(fault(header_of({entry("t", "F6_E2M3", "[4]", 0, 3)}), 3) == "none");
    CHECK(fault(header_of({entry("of a later specification", "X7", "[3]", 0, 5)}), 5) == "none");
    CHECK(fault(header_of({entry("caf\xc3\xa9 \\u0000 \\ud83d\\udc33", "U8", "[1]", 0, 1)}), 1) == "none");
}

TEST_CASE("lengths that cannot be") {
    CHECK(fault("") == "f: is no safetensors file: shorter than 8 bytes");
    CHECK(fault("1234567") == "f: is no safetensors file: shorter than 8 bytes");
    CHECK(fault(container(0, "", 0)) == "f: is no safetensors file: its header does not start with '{'");
    CHECK(fault(container(3, "{}", 0)) == "f: header of 3 bytes runs past the end of the file (10 bytes)");
    CHECK(fault(container(100'000'000, "{}", 0)) ==
          "f: header of 100000000 bytes runs past the end of the file (10 bytes)");
    CHECK(fault(container(100'000'001, "{}", 0)) ==
          "f: is no safetensors file: its header would have 100000001 bytes, over 100000000");
    CHECK(fault(container(~std::uint64_t{0}, "{}", 0)) ==
          "f: is no safetensors file: its header would have 18446744073709551615 bytes, over 100000000");
    CHECK(fault(container(1, "{}", 0)) == "f: header is not JSON at its byte 1");
}

TEST_CASE("headers that are not strict JSON") {
    CHECK(fault("[]", 0) == "f: is no safetensors file: its header does not start with '{'");
    CHECK(fault(" {}", 0) == "f: is no safetensors file: its header does not start with '{'");
    CHECK(fault("{", 0) == "f: header is not JSON at its byte 1");
    CHECK(fault("{}}", 0) == "f: header is not JSON at its byte 2");
    CHECK(fault("{'a':1}", 0) == "f: header is not JSON at its byte 1");
    CHECK(fault("{} // comment", 0) == "f: header is not JSON at its byte 3");
    CHECK(fault(R"({"a\ud800":1})", 0) == "f: header is not JSON at its byte 9");
    CHECK(fault("{\"a\xff\":1}", 0) == "f: header is not UTF-8 at its byte 3");
    CHECK(fault(std::string("{}\0{}", 5), 0) == "f: header is not JSON at its byte 2");
    CHECK(fault("{\"a\n\":1}", 0) == "f: header is not JSON at its byte 3");
}

TEST_CASE("keys that are there twice") {
    const std::string t = entry("t", "U8", "[1]", 0, 1);
    CHECK(fault(header_of({t, t}), 1) == "f: header has the key t twice");
    CHECK(fault(R"({"__metadata__":{},"__metadata__":{}})", 0) == "f: header has the key __metadata__ twice");
    CHECK(fault(R"({"__metadata__":{"k":"1","\u006b":"2"}})", 0) == "f: header has the key k twice");
    CHECK(fault(R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1) ==
          "f: header has the key dtype twice");
}

TEST_CASE("deep nesting is refused at once") {
    for (const char* open : {"[", "{\"a\":"}) {
        std::string header = "{\"t\":";
        for (int depth = 0; depth < 1'000'000; ++depth) header += open;
        CHECK(fault(header, 0) == "f: header is nested too deeply");
    }
}

TEST_CASE("metadata that is not text by text") {
    CHECK(fault(R"({"__metadata__":[]})", 0) == "f: __metadata__ is not an object");
    CHECK(fault(R"({"__metadata__":null})", 0) == "f: __metadata__ is not an object");
    CHECK(fault(R"({"__metadata__":{"k":1}})", 0) == "f: __metadata__ k: is not a string");
    CHECK(fault(R"({"__metadata__":{"k":{}}})", 0) == "f: __metadata__ k: is not a string");
}

TEST_CASE("tensor entries that are not as specified") {
    const auto of_entry = [](const std::string& json) { return fault("{\"t\":" + json + "}", 4); };
    CHECK(of_entry("3") == "f: tensor t: its entry in the header is not an object");
    CHECK(of_entry("{}") == "f: tensor t: has no dtype");
    CHECK(of_entry(R"({"dtype":"U8","data_offsets":[0,4]})") == "f: tensor t: has no shape");
    CHECK(of_entry(R"({"dtype":"U8","shape":[4]})") == "f: tensor t: has no data_offsets");
    CHECK(of_entry(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":0})") ==
          "f: tensor t: has keys besides dtype, shape and data_offsets");
    CHECK(of_entry(R"({"dtype":8,"shape":[4],"data_offsets":[0,4]})") == "f: tensor t: dtype is not a string");
    const std::string bad_offsets = "f: tensor t: data_offsets are not two positions in the file";
    for (const char* offsets :
         {"4", "[]", "[4]", "[0,4,4]", "[0,-4]", "[0,4.0]", "[0,\"4\"]", "[0,18446744073709551616]"}) {
        CAPTURE(offsets);
        CHECK(of_entry(R"({"dtype":"U8","shape":[4],"data_offsets":)" + std::string(offsets) + "}") == bad_offsets);
    }
}

TEST_CASE("sizes that are no sizes") {
    const std::string bad_shape = "f: tensor t: shape is not a list of sizes from 0 to 2^64 - 1";
    for (const char* shape :
         {"4", "\"4\"", "[-4]", "[-0]", "[4.0]", "[1e3]", "[18446744073709551616]", "[true]", "[null]"}) {
        CAPTURE(shape);
        CHECK(fault(header_of({entry("t", "U8", shape, 0, 4)}), 4) == bad_shape);
    }
    std::string ones = "[1";
    for (int dim = 1; dim < 64; ++dim) ones += ",1";
    CHECK(fault(header_of({entry("t", "U8", ones + "]", 0, 1)}), 1) == "none");
    CHECK(fault(header_of({entry("t", "U8", ones + ",1]", 0, 1)}), 1) == "f: header has a list of over 64 elements");
    CHECK(fault(header_of({entry("t", "U8", "[1e999]", 0, 1)}), 1) == "f: header is not JSON at its byte 32");
}

TEST_CASE("shapes that do not fit their bytes") {
    CHECK(fault(header_of({entry("t", "F32", "[2,3]", 0, 20)}), 20) ==
          "f: tensor t: shape [2,3] of F32 needs 24 bytes, its data_offsets give 20");
    CHECK(fault(header_of({entry("t", "F32", "[0,3]", 0, 20)}), 20) ==
          "f: tensor t: shape [0,3] of F32 needs 0 bytes, its data_offsets give 20");
    CHECK(fault(header_of({entry("t", "F4", "[3]", 0, 1)}), 1) ==
          "f: tensor t: shape [3] of F4 is not a whole number of bytes");
    CHECK(fault(header_of({entry("t", "F32", "[4294967296,4294967296]", 0, 0)}), 0) ==
          "f: tensor t: shape [4294967296,4294967296] of F32 overflows 64 bits");
    CHECK(fault(header_of({entry("t", "F32", "[4611686018427387905]", 0, 4)}), 4) ==
          "f: tensor t: shape [4611686018427387905] of F32 overflows 64 bits");
}

TEST_CASE("tensors that overlap, leave holes or run past the end") {
    const auto pair = [](std::uint64_t end, std::uint64_t begin, std::size_t data_bytes) {
        return fault(header_of({entry("a", "X", "[]", 0, end), entry("b", "X", "[]", begin, 8)}), data_bytes);
    };
    const std::size_t header =
        container(header_of({entry("a", "X", "[]", 0, 4), entry("b", "X", "[]", 4, 8)}), 0).size();
    CHECK(pair(4, 4, 8) == "none");
    CHECK(pair(4, 3, 8) == "f: tensor b: overlaps the tensor before it at byte " + std::to_string(header + 3));
    CHECK(pair(4, 5, 8) == "f: tensor b: a hole before it starts at byte " + std::to_string(header + 4));
    CHECK(pair(4, 4, 9) == "f: no tensor covers the file from byte " + std::to_string(header + 8) + " on");
    CHECK(pair(4, 4, 7) ==
          "f: tensor b: bytes 4 to 8 of the data section run past its end (7 bytes): the file is "
          "truncated or its header is wrong");
    CHECK(pair(4, 9, 8) == "f: tensor b: ends before it begins");
    CHECK(fault("{}", 1) == "f: no tensor covers the file from byte 10 on");
    CHECK(fault(header_of({entry("inside", "U8", "[0]", 2, 2), entry("t", "U8", "[4]", 0, 4)}), 4) ==
          "f: tensor inside: overlaps the tensor before it at byte 120");
}

TEST_CASE("names in messages are harmless") {
    CHECK(fault(header_of({entry(R"(\u001b[31m\nx)", "U8", "[2]", 0, 1)}), 1) ==
          "f: tensor \\x1b[31m\\x0ax: shape [2] of U8 needs 2 bytes, its data_offsets give 1");
    const std::string message = fault(header_of({entry(std::string(100'000, 'n'), "U8", "[2]", 0, 1)}), 1);
    CHECK(message.size() < 200);
}

TEST_CASE("a written header reads back") {
    const std::vector<file::Tensor> tensors = {{"quote\" and caf\xc3\xa9", "F32", {2, 3}, 0, 24},
                                               {"b", "U8", {0}, 24, 24}};
    const std::string text = file::safetensors_header(tensors, {{"rowpool", "{\"a\":\"\\n\"}"}, {"path", "\xff"}});
    const auto header = parse(container(text + "    ", 24));
    REQUIRE(header);
    REQUIRE(header->tensors.size() == 2);
    CHECK(header->tensors[0].name == tensors[0].name);
    CHECK(header->tensors[0].shape == tensors[0].shape);
    CHECK(header->tensors[1].begin == 24);
    CHECK(header->metadata.at("rowpool") == "{\"a\":\"\\n\"}");
    CHECK(header->metadata.at("path") == "\xef\xbf\xbd");
}

}  // namespace
}  // namespace rowpool::test
