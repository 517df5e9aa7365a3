// The restricted unpickler: what it makes of plain pickles, and that no bytes at all make it do anything else.
#include "tools/inputs/torch/pickle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>

#include "tools/base/failure.hpp"

namespace rowpool::tools {
namespace {

using namespace std::string_literals;

const std::string kPath = "file";

PickleTree read(const std::string& text) { return read_pickle(kPath, std::as_bytes(std::span(text))); }

/// What is wrong with a pickle, or nothing.
std::string fault(const std::string& text) {
    try {
        read(text);
        return "";
    } catch (const Failure& failure) {
        return failure.what();
    }
}

template <class T>
const T& root(const PickleTree& tree) {
    return std::get<T>(tree.root->data);
}

/// As torch.save writes {"t": tensor of (2, 3)}, with its memo.
const std::string kTensor =
    "\x80\x02}q\x00X\x01\x00\x00\x00tq\x01"
    "ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
    "ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x00"
    "0q\x05X\x03\x00\x00\x00"
    "cpuq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08K\x03K\x01\x86q\x09\x89"
    "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."s;

TEST_CASE("integers") {
    for (const auto& [text, value] : std::initializer_list<std::pair<std::string, std::int64_t>>{
             {"K\xff."s, 255},
             {"M\xff\xff."s, 65535},
             {"J\xff\xff\xff\xff."s, -1},
             {"\x8a\x00."s, 0},
             {"\x8a\x01\x80."s, -128},
             {"\x8a\x03\x00\x00\x01."s, 65536},
             {"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s, std::numeric_limits<std::int64_t>::min()},
             {"\x8b\x02\x00\x00\x00\xff\x7f."s, 32767}}) {
        const PickleTree tree = read(text);
        CHECK(root<std::int64_t>(tree) == value);
    }
    CHECK(std::holds_alternative<PickleOpaque>(read("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."s).root->data));
}

TEST_CASE("floats") {
    CHECK(root<double>(read("G\x3f\xa9\x99\x99\x99\x99\x99\x9a."s)) == 0.05);
    CHECK(std::isnan(root<double>(read("G\xff\xf8\0\0\0\0\0\0."s))));
    CHECK(fault("G\x3f\xa9\x99\x99\x99\x99\x99"s) != "");
}

TEST_CASE("texts, truth and nothing") {
    CHECK(root<std::string_view>(read("X\x02\x00\x00\x00hi."s)) == "hi");
    CHECK(root<std::string_view>(read("\x8c\x02hi."s)) == "hi");
    CHECK(root<std::string_view>(read("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."s)) == "hi");
    CHECK(root<bool>(read("\x88."s)));
    CHECK(!root<bool>(read("\x89."s)));
    CHECK(std::holds_alternative<PickleNone>(read("N.").root->data));
}

TEST_CASE("containers") {
    CHECK(root<PickleTuple>(read("K\x01K\x02K\x03\x87."s)).items.size() == 3);
    CHECK(root<PickleTuple>(read("(K\x01K\x02t."s)).items.size() == 2);
    CHECK(root<PickleList>(read("]K\x01"
                                "a(K\x02K\x03"
                                "e."s))
              .items.size() == 3);
    CHECK(root<PickleDict>(read("}K\x01Ns(K\x02NK\x03Nu."s)).entries.size() == 3);
}

/// kTensor with sizes and strides that have two more dimensions in front, of one element each.
std::string with_four_dimensions() {
    std::string text = kTensor;
    const std::string sizes = "K\x02K\x03\x86";
    text.replace(text.find(sizes), sizes.size(), "(K\x01K\x01K\x02K\x03t");
    const std::string strides = "K\x03K\x01\x86";
    text.replace(text.find(strides), strides.size(), "(K\x06K\x06K\x03K\x01t");
    return text;
}

TEST_CASE("tensors that cannot be part of a table take no memory") {
    CHECK(read(kTensor).tensors.size() == 1);
    const PickleTree tree = read(with_four_dimensions());
    CHECK(tree.tensors.empty());
    CHECK(std::holds_alternative<PickleOpaque>(root<PickleDict>(tree).entries.at(0).second->data));
}

TEST_CASE("what is in the memo is shared, not copied") {
    std::string text = "]q\x00"s;
    for (int i = 0; i < 100; ++i) text += "h\x00\x86q\x00"s;  // a pair of what was there, 2^100 lists in all
    const PickleTree tree = read(text + ".");
    CHECK(tree.values.size() == 101);
    const PickleTuple& pair = root<PickleTuple>(tree);
    CHECK(pair.items.at(0) == pair.items.at(1));
}

TEST_CASE("a hundred thousand tensors") {
    const std::string tensor = kTensor.substr(kTensor.find('c'), kTensor.size() - kTensor.find('c') - 2);
    std::string text = "]"s;
    for (int i = 0; i < 100'000; ++i) text += "N" + tensor + "\x86" + "a";
    CHECK(read(text + ".").tensors.size() == 100'000);
}

TEST_CASE("keys of the memo may have gaps") {
    const PickleTree tree = read("(K\x07q\x02K\x08\x94h\x02h\x01t."s);
    const PickleTuple& items = root<PickleTuple>(tree);
    CHECK(std::get<std::int64_t>(items.items.at(2)->data) == 7);
    CHECK(std::get<std::int64_t>(items.items.at(3)->data) == 8);
    CHECK(fault("K\x07q\x02h\x01."s) == "file: byte 4: takes a value from the memo that is not there");
}

TEST_CASE("a container may hold itself") {
    const PickleTree tree = read(
        "]q\x00h\x00"
        "a."s);
    CHECK(root<PickleList>(tree).items.at(0) == tree.root);
}

TEST_CASE("a tensor") {
    const PickleTree tree = read(kTensor);
    const auto& [key, value] = root<PickleDict>(tree).entries.at(0);
    CHECK(std::get<std::string_view>(key->data) == "t");
    const TorchTensor& tensor = *std::get<const TorchTensor*>(value->data);
    CHECK(tensor.sizes == std::vector<std::uint64_t>{2, 3});
    CHECK(tensor.strides == std::vector<std::uint64_t>{3, 1});
    CHECK(tensor.type->dtype == "torch.float32");
    CHECK(tensor.storage->key == "0");
    CHECK(tensor.storage->bytes == 24);
}

TEST_CASE("functions that are not data are refused by name") {
    CHECK(fault("\x80\x02"
                "cos\nsystem\nX\x02\x00\x00\x00ls\x85R."s) ==
          "file: byte 2: refers to os.system, which is not data; save the state_dict alone");
    CHECK(fault("\x8c\x08"
                "builtins\x8c\x04"
                "eval\x93."s) ==
          "file: byte 16: refers to builtins.eval, which is not data; save the state_dict alone");
}

TEST_CASE("every prefix is refused") {
    for (std::size_t length = 0; length < kTensor.size(); ++length) {
        CAPTURE(length);
        CHECK(fault(kTensor.substr(0, length)) != "");
    }
}

TEST_CASE("any bytes give a value or one line") {
    std::mt19937 random(1);
    const std::string opcodes = kTensor + "(((]}))NeautsbRQ\x81\x85\x86\x87\x8f\x90\x91\x93\x94q\x01h\x01"s;
    std::size_t refused = 0;
    for (int i = 0; i < 100'000; ++i) {
        std::string text = kTensor;
        for (int edits = static_cast<int>(random() % 4) + 1; edits > 0; --edits) {
            const char byte = random() % 2 == 0 ? opcodes[random() % opcodes.size()] : static_cast<char>(random());
            const std::size_t at = random() % text.size();
            random() % 3 == 0 ? text.insert(at, 1, byte) : text.replace(at, random() % 2 + 1, 1, byte);
        }
        const std::string line = fault(text);
        refused += line.empty() ? 0U : 1U;
        if (line.find('\n') != line.npos) FAIL("not one line: ", line);
    }
    CHECK(refused > 50'000);
}

}  // namespace
}  // namespace rowpool::tools
