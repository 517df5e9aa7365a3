// Files that earlier versions wrote (tests/golden) are read as they were then, to the last bit: shapes, names, remaps,
// padding, hot rows, and whatever is looked up and pooled.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/tuning.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

/// The bits of f32 numbers, as golden files write them.
std::string bits_of(const Floats& values) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : std::as_bytes(std::span(values))) {
        text += kDigits[std::to_integer<unsigned>(byte) >> 4];
        text += kDigits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

template <class T>
json json_of(const std::optional<T>& value) {
    return value ? json(*value) : json();
}

void check_description(const TableFile& file, std::size_t position, const json& expected) {
    const Table& table = file.tables()[position];
    CHECK(table.rows() == expected.at("rows"));
    CHECK(table.dim() == expected.at("dim"));
    CHECK(table.row_stride() == expected.at("row_stride"));
    CHECK(json_of(table.padding_index()) == expected.at("padding_index"));
    CHECK(json_of(file.hot_rows(position)) == expected.at("hot_rows"));
    CHECK(json(std::vector(table.remap().begin(), table.remap().end())) == expected.at("remap"));
    const TableOrigin& origin = file.origin(position);
    CHECK(origin.source == expected.at("source"));
    CHECK(origin.quantization == expected.at("quantization"));
    REQUIRE(origin.error.has_value() == !expected.at("error").is_null());
    if (!origin.error) return;
    CHECK(origin.error->max_abs == number_of(expected.at("error").at("max_abs")));
    CHECK(origin.error->relative_l2 == number_of(expected.at("error").at("relative_l2")));
}

/// Every row, looked up by its id, and the bags in every way to pool them.
void check_lookups(const Table& table, const json& shared, const json& expected) {
    Ids ids(table.num_ids());
    for (std::size_t id = 0; id < ids.size(); ++id) ids[id] = static_cast<std::int64_t>(id);
    CHECK(bits_of(pooled(table, Bags::rows(ids), {.mode = Pooling::none})) == expected.at("lookup"));
    const Ids indices = shared.at("indices"), offsets = shared.at("offsets");
    const Floats weights = floats_of(shared.at("weights"));
    for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max}) {
        CAPTURE(to_string(mode));
        const Bags bags(indices, offsets, mode == Pooling::max ? std::span<const float>() : weights);
        CHECK(bits_of(pooled(table, bags, {.mode = mode})) == expected.at(std::string(to_string(mode))));
    }
}

void check_table_file(const TableFile& file, const json& expected) {
    REQUIRE(file.tables().size() == expected.at("tables").size());
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        const Table& table = file.tables()[i];
        const std::string name(table.name());
        CAPTURE(name);
        CHECK(to_string(table.format()) == expected.at("format").get<std::string>());
        check_description(file, i, expected.at("tables").at(name));
        check_lookups(table, expected, expected.at("tables").at(name));
        const auto names = file.row_names(i);
        REQUIRE(names);
        CHECK(json(*names) == (name == "words" ? expected.at("names") : json::array()));
    }
}

TEST_CASE("table files are read as ever") {
    for (const Golden& golden : golden_files("tables")) {
        CAPTURE(golden.path);
        const auto file = TableFile::open(golden.path);
        REQUIRE_MESSAGE(bool(file), (file ? std::string() : file.error().message));
        const Status verified = file->verify();
        CHECK_MESSAGE(bool(verified), (verified ? std::string() : verified.error().message));
        check_table_file(*file, golden.expected);
    }
}

TEST_CASE("there is one of every row format in both versions") {
    std::vector<std::pair<std::string, int>> found;
    for (const Golden& golden : golden_files("tables")) {
        found.emplace_back(golden.expected.at("format"), golden.expected.at("version"));
    }
    for (const RowFormat format : all_row_formats()) {
        for (const int version : {1, 2}) {
            CAPTURE(to_string(format));
            CAPTURE(version);
            CHECK(std::ranges::count(found, std::pair(std::string(to_string(format)), version)) > 0);
        }
    }
}

TEST_CASE("tuning profiles are read as ever") {
    for (const Golden& golden : golden_files("profile")) {
        const auto profile = load_profile(golden.path);
        REQUIRE_MESSAGE(bool(profile), (profile ? std::string() : profile.error().message));
        CHECK(profile->cpu == golden.expected.at("cpu"));
        const json& tables = golden.expected.at("tables");
        REQUIRE(profile->tables.size() == tables.size());
        for (std::size_t i = 0; i < tables.size(); ++i) {
            const TableTuning& tuning = profile->tables[i];
            CHECK(tuning.table == tables[i].at("table"));
            CHECK(to_string(tuning.format) == tables[i].at("format").get<std::string>());
            CHECK(tuning.rows == tables[i].at("rows"));
            CHECK(tuning.dim == tables[i].at("dim"));
            CHECK(tuning.prefetch.distance == tables[i].at("prefetch_distance"));
            CHECK((tuning.prefetch.into == Prefetch::Into::first_level) == (tables[i].at("prefetch_into") == "L1"));
            CHECK(tuning.ns_row == number_of(tables[i].at("ns_row")));
            CHECK(tuning.ns_row_untuned == number_of(tables[i].at("ns_row_untuned")));
        }
    }
}

}  // namespace
}  // namespace rowpool::test
