// Calls in a process whose ROWPOOL_ISA cannot run here fail with its message and write nothing; calls with every one
// that can run give the same bits.
#include <doctest/doctest.h>

#include <string>

#include "rowpool/rowpool.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int32_t>;

const std::vector<float> kValues = {1, 2, 3, 4};
const Ids kIndices = {0, 1};
const Ids kOffsets = {0, 2};

std::string refusal() {
    std::string names;
    for (const std::string_view isa : runnable_isas()) names += (names.empty() ? "" : ", ") + std::string(isa);
    return "ROWPOOL_ISA=mmx: no such instruction set in this build; runnable here: " + names;
}

/// What `work` answers in a process with ROWPOOL_ISA=mmx.
std::string with_unknown_isa(const std::function<std::string()>& work) { return in_child_with_isa("mmx", work); }

std::string describe(const PoolStatus& status, const std::vector<float>& out) {
    const bool untouched = out == std::vector<float>(out.size(), -99.0f);
    return std::string(to_string(status.code)) + (status.fault == PoolFault::isa ? " isa " : " other ") +
           (untouched ? "untouched " : "written ") + status.message();
}

TEST_CASE("pool refuses an instruction set that cannot run here") {
    CHECK(with_unknown_isa([] {
              std::vector<float> out(2, -99.0f);
              return describe(pool(f32_table(kValues, 2), Bags(kIndices, kOffsets), {}, out), out);
          }) == "unsupported_isa isa untouched table t, " + refusal());
}

TEST_CASE("an engine refuses it for one table") {
    CHECK(with_unknown_isa([] {
              std::vector<float> out(2, -99.0f);
              const Engine engine({.threads = 1});
              return describe(engine.pool(f32_table(kValues, 2), Bags(kIndices, kOffsets), {}, out), out);
          }) == "unsupported_isa isa untouched table t, " + refusal());
}

TEST_CASE("an engine refuses it for a request") {
    CHECK(with_unknown_isa([] {
              std::vector<float> out(2, -99.0f);
              const auto model = Model::create({{f32_table(kValues, 2), {}}});
              const Engine engine({.threads = 1});
              return describe(engine.pool(*model, Request{kIndices, kOffsets}, out), out);
          }) == "unsupported_isa isa untouched table t, " + refusal());
}

TEST_CASE("quantize_rows and dequantize_rows refuse it") {
    CHECK(with_unknown_isa([] {
              std::vector<std::byte> out(2 * row_bytes(RowFormat::int8, 2));
              return quantize_rows(f32_table(kValues, 2), RowFormat::int8, out).error().message;
          }) == refusal());
    CHECK(with_unknown_isa([] {
              std::vector<float> out(2);
              const Error error = dequantize_rows(f32_table(kValues, 2), 0, out).error();
              return std::string(to_string(error.code)) + " " + error.message;
          }) == "unsupported_isa table t, " + refusal());
}

TEST_CASE("opening a file refuses it") {
    CHECK(with_unknown_isa([] {
              const Error error = TableFile::open("no such file").error();
              return std::string(to_string(error.code)) + " " + error.message;
          }) == "unsupported_isa " + refusal());
}

TEST_CASE("every instruction set pools the same bits") {
    Random random(5);
    const MadeTable made = make_table(random, RowFormat::int4, 30, 45, 0, Values::tame);
    const std::vector<std::size_t> lengths = {3, 0, 40, 7};
    ReferenceBags bags = make_bags(random, lengths, 30, 0);
    bags.weights = make_weights(random, bags.indices.size());
    const auto expected = reference_pool(made.reference, bags, {.mode = Pooling::mean}).values;
    for (const std::string_view isa : runnable_isas()) {
        const std::string used = in_child_with_isa(std::string(isa), [&] {
            const auto offsets = as<std::int32_t>(bags.offsets);
            const auto out = pooled(table_of(made), Bags(bags.indices, offsets, bags.weights), {.mode = Pooling::mean});
            return out == expected ? std::string(*active_isa()) : std::string("other bits");
        });
        CHECK(used == isa);
    }
}

}  // namespace
}  // namespace rowpool::test
