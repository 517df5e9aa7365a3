// What PyTorch computed, kept in tests/fixtures by make_fixtures.py: prepacked rows equal bit for bit, and so do pooled
// f32 tables where PyTorch adds as rowpool does; the rest lies within the tolerances of PyTorch's own tests.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "rowpool/quantize.hpp"
#include "rowpool/table_file.hpp"
#include "tests/support/reference_quantizer.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using nlohmann::json;
using Floats = std::vector<float>;
using Bytes = std::vector<std::byte>;

std::string fixture_path(const char* name) {
    const char* folder = std::getenv("ROWPOOL_TEST_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "ROWPOOL_TEST_FIXTURES names the folder tests/fixtures");
    return std::string(folder) + "/" + name;
}

const json& fixture() {
    static const json parsed = json::parse(std::ifstream(fixture_path("pytorch.json")));
    return parsed;
}

Bytes bytes_of(const json& hexadecimal) {
    const auto text = hexadecimal.get<std::string>();
    Bytes bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
    }
    return bytes;
}

Floats floats_of(const Bytes& bytes) {
    Floats values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

/// The values of a float buffer.
Floats values_of(const Bytes& bytes, RowFormat format) {
    const std::size_t count = bytes.size() / parts_of(format, 1).row_bytes;
    return read_table(format, 1, count, bytes.size(), bytes.data()).rows[0].values;
}

/// The indices, offsets and weights that all pooled fixtures share.
struct SharedBags {
    std::vector<std::int64_t> indices = fixture().at("indices");
    std::vector<std::int64_t> offsets = fixture().at("offsets");
    Floats weights = floats_of(bytes_of(fixture().at("weights")));

    Bags bags(bool weighted) const {
        return {indices, offsets, weighted ? std::span<const float>(weights) : std::span<const float>()};
    }
};

Table pooled_table(const json& entry, const Bytes& bytes) {
    return view("t",
                {.format = *parse_row_format(entry.at("format").get<std::string>()),
                 .rows = fixture().at("rows"),
                 .dim = fixture().at("dim")},
                bytes);
}

void check_close(const Floats& actual, const Floats& expected, float relative, float absolute) {
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(actual[i] - expected[i]) <= absolute + relative * std::abs(expected[i]));
    }
}

/// The table that a prepacked entry was made from, over its input.
Table source_of(const json& entry, const Bytes& input) {
    const RowFormat format = *parse_row_format(entry.at("source").get<std::string>());
    return view("t", {.format = format, .rows = entry.at("rows"), .dim = entry.at("dim")}, input);
}

TEST_CASE("prepacked rows equal PyTorch's bit for bit") {
    std::size_t rows = 0;
    for (const json& entry : fixture().at("prepacked")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Bytes input = bytes_of(entry.at("input"));
        const Table source = source_of(entry, input);
        for (const RowFormat format : {RowFormat::int8, RowFormat::int4, RowFormat::int2}) {
            CAPTURE(to_string(format));
            Bytes out(source.rows() * row_bytes(format, source.dim()));
            REQUIRE(quantize_rows(source, format, out));
            CHECK((out == bytes_of(entry.at(std::string(to_string(format))))));
            rows += source.rows();
        }
    }
    CHECK(rows > 500);
}

TEST_CASE("rows by greedy equal those that PyTorch prepacks with optimized_qparams bit for bit") {
    for (const json& entry : fixture().at("prepacked")) {
        CAPTURE(entry.at("name").get<std::string>());
        const Bytes input = bytes_of(entry.at("input"));
        const Table source = source_of(entry, input);
        for (const RowFormat format : {RowFormat::int4, RowFormat::int2}) {
            CAPTURE(to_string(format));
            Bytes out(source.rows() * row_bytes(format, source.dim()));
            REQUIRE(quantize_rows(source, {format, QuantizationMethod::greedy}, out));
            CHECK((out == bytes_of(entry.at("greedy").at(std::string(to_string(format))))));
        }
    }
}

TEST_CASE("the reference quantizer of these tests equals PyTorch's as well") {
    for (const json& entry : fixture().at("prepacked")) {
        const std::size_t dim = entry.at("dim");
        const Floats values =
            values_of(bytes_of(entry.at("input")), *parse_row_format(entry.at("source").get<std::string>()));
        for (const RowFormat format : {RowFormat::int8, RowFormat::int4, RowFormat::int2}) {
            Bytes out;
            for (std::size_t at = 0; at < values.size(); at += dim) {
                const auto row = reference_quantize(std::span(values).subspan(at, dim), format);
                REQUIRE(row);
                out.insert(out.end(), row->begin(), row->end());
            }
            CHECK((out == bytes_of(entry.at(std::string(to_string(format))))));
        }
    }
}

// PyTorch adds f32 rows as rowpool does, but multiplies and adds apart when it has weights and a padding index.
TEST_CASE("pooled f32 tables equal PyTorch's") {
    const SharedBags shared;
    const json& entry = fixture().at("float_tables").at(0);
    const Bytes bytes = bytes_of(entry.at("table"));
    for (const json& bag : entry.at("bags")) {
        const bool weighted = bag.at("weighted");
        PoolOptions options = {.mode = *parse_pooling(bag.at("mode").get<std::string>())};
        if (!bag.at("padding").is_null()) options.padding_index = bag.at("padding").get<std::int64_t>();
        const Floats out = pooled(pooled_table(entry, bytes), shared.bags(weighted), options);
        const Floats expected = floats_of(bytes_of(bag.at("output")));
        if (weighted && !bag.at("padding").is_null()) {
            check_close(out, expected, 1.3e-6f, 1e-5f);
        } else {
            CHECK(out == expected);
        }
    }
}

// PyTorch rounds a mean of halves twice, and its sums to bf16 half up.
TEST_CASE("pooled f16 and bf16 tables are close to PyTorch's") {
    const SharedBags shared;
    for (const json& entry : {fixture().at("float_tables").at(1), fixture().at("float_tables").at(2)}) {
        const Bytes bytes = bytes_of(entry.at("table"));
        const Table table = pooled_table(entry, bytes);
        const float unit = table.format() == RowFormat::f16 ? 1e-3f : 8e-3f;
        for (const json& bag : entry.at("bags")) {
            PoolOptions options = {.mode = *parse_pooling(bag.at("mode").get<std::string>())};
            if (!bag.at("padding").is_null()) options.padding_index = bag.at("padding").get<std::int64_t>();
            const Floats out = pooled(table, shared.bags(bag.at("weighted")), options);
            check_close(out, values_of(bytes_of(bag.at("output")), table.format()), unit, unit / 100);
        }
    }
}

// PyTorch adds the bias with every row, rowpool once a bag: the last bits differ.
TEST_CASE("sums of coded tables are close to PyTorch's") {
    const SharedBags shared;
    for (const json& entry : fixture().at("quantized_tables")) {
        const Bytes bytes = bytes_of(entry.at("table"));
        for (const json& bag : entry.at("bags")) {
            const Floats out =
                pooled(pooled_table(entry, bytes), shared.bags(bag.at("weighted")), {.mode = Pooling::sum});
            check_close(out, floats_of(bytes_of(bag.at("output"))), 1.3e-6f, 1e-5f);
        }
    }
}

TEST_CASE("a safetensors file that PyTorch saved opens as it is") {
    const auto file = TableFile::open(fixture_path("pytorch.safetensors"));
    REQUIRE_MESSAGE(bool(file), file.error().message);
    CHECK(file->tables().size() == 3);
    CHECK(!file->has_metadata());
    for (const char* name : {"single", "half", "brain"}) {
        const auto table = file->table(name);
        REQUIRE_MESSAGE(bool(table), table.error().message);
        CHECK(pooled(*table, Bags::rows(std::vector<std::int64_t>{0, 3}), {.mode = Pooling::none}) ==
              Floats{0, 1, 2, 9, 10, 11});
    }
    for (const char* name : {"vector", "integers"}) CHECK(file->table(name).error().code == ErrorCode::not_found);
    CHECK(file->verify());
}

}  // namespace
}  // namespace rowpool::test
