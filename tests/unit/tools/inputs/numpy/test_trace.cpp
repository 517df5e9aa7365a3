// Traces that earlier versions read (tests/golden) are read as they were then.
#include "tools/inputs/numpy/trace.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "tests/support/golden.hpp"

namespace rowpool::tools {
namespace {

using nlohmann::json;

/// The tables of the golden files.
const std::vector<TracedTable> kTables = {{"words", 14}, {"items", 10}};

std::vector<std::int64_t> numbers_of(const NpyArray& array) {
    const IndexSpan span = index_values(array, "numbers");
    std::vector<std::int64_t> numbers(span.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = span[i];
    return numbers;
}

void check_feature(const TraceFeature& feature, const json& expected) {
    CHECK(feature.name == expected.at("feature"));
    CHECK(kTables[feature.table].name == expected.at("table"));
    CHECK(json(numbers_of(feature.indices)) == expected.at("indices"));
    CHECK(json(numbers_of(feature.offsets)) == expected.at("offsets"));
    REQUIRE(feature.weights.has_value() == !expected.at("weights").is_null());
    if (!feature.weights) return;
    const std::span<const float> weights = float_values(*feature.weights, "weights");
    CHECK((std::vector<float>(weights.begin(), weights.end()) == test::floats_of(expected.at("weights"))));
}

TEST_CASE("traces are read as ever") {
    for (const test::Golden& golden : test::golden_files("trace")) {
        CAPTURE(golden.path);
        const Trace trace = open_trace(golden.path, kTables);
        const json& features = golden.expected.at("features");
        REQUIRE(trace.features.size() == features.size());
        CHECK(trace.samples + 1 == features[0].at("offsets").size());
        for (std::size_t i = 0; i < features.size(); ++i) check_feature(trace.features[i], features[i]);
    }
}

}  // namespace
}  // namespace rowpool::tools
