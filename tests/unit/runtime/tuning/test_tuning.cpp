// Tuning: it changes no result, its profiles apply to the tables they were measured on only, and survive a file.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pooling/model.hpp"
#include "rowpool/tuning.hpp"
#include "tests/support/files.hpp"
#include "tests/support/tables.hpp"
#include "tuning/tune.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

Model model_of(std::vector<Feature> features) {
    auto model = Model::create(std::move(features));
    REQUIRE(model);
    return *std::move(model);
}

TuningProfile profile_for(const MadeTable& made, Prefetch prefetch) {
    const Table table = table_of(made);
    return {.cpu = "some CPU",
            .tables = {{.table = std::string(table.name()),
                        .format = table.format(),
                        .rows = table.rows(),
                        .dim = table.dim(),
                        .prefetch = prefetch,
                        .ns_row = 1.5,
                        .ns_row_untuned = 2.25}}};
}

MadeTable made_table(RowFormat format) {
    Random random(5);
    return make_table(random, format, 300, 40, 0, Values::tame);
}

std::string fault_of_profile(const std::string& text) {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    write_file(path, text);
    const auto profile = load_profile(path);
    REQUIRE(!profile);
    return profile.error().message.substr(path.size());
}

constexpr Prefetch kUnusual = {17, Prefetch::Into::first_level};

TEST_CASE("tuning measures each table once and keeps the results of lookups") {
    const MadeTable int8 = made_table(RowFormat::int8);
    const MadeTable f16 = made_table(RowFormat::f16);
    const Model model = model_of({{table_of(int8), {}}, {table_of(f16), {}}, {table_of(int8), {.mode = Pooling::max}}});
    const auto profile = tune(model);
    REQUIRE(profile);
    CHECK(!profile->cpu.empty());
    REQUIRE(profile->tables.size() == 2);
    for (const TableTuning& tuning : profile->tables) {
        CHECK(tuning.ns_row > 0);
        CHECK(tuning.ns_row <= tuning.ns_row_untuned);
    }
    const auto tuned = with_profile(model, *profile);
    REQUIRE(tuned);
    const Ids indices = {0, 5, 299, 7, 7, 1};
    const Ids offsets = {0, 1, 3, 3, 4, 6, 6};
    Floats before(2 * model.total_dim()), after(before.size(), -1.0f);
    const Engine engine({.threads = 1});
    REQUIRE(engine.pool(model, {indices, offsets}, before));
    REQUIRE(engine.pool(*tuned, {indices, offsets}, after));
    CHECK((before == after));
}

TEST_CASE("other memory is written before each pass over the tables, and never while one is visited") {
    const MadeTable made = made_table(RowFormat::int8);
    const Floats values(400, 1.0f);
    const Model model = model_of({{table_of(made), {}}, {f32_table(values, 4), {}}});
    std::size_t written = 0;
    std::vector<std::size_t> written_when_told;
    const auto tunings = tuning::measure_prefetching(
        model, [&] { ++written; }, [&](double) { written_when_told.push_back(written); });
    REQUIRE(tunings);
    CHECK(tunings->size() == 2);
    CHECK(written >= 5 * tuning::passes_of_round());
    CHECK(written % tuning::passes_of_round() == 0);
    REQUIRE(written_when_told.size() == written);
    for (std::size_t pass = 0; pass < written; ++pass) CHECK(written_when_told[pass] == pass + 1);
}

TEST_CASE("tuning says for which state of the caches, and how far it is") {
    const MadeTable made = made_table(RowFormat::int8);
    const Model model = model_of({{table_of(made), {}}});
    for (const std::size_t between : {std::size_t{0}, std::size_t{4096}}) {
        std::vector<double> told;
        const auto profile =
            tune(model, {.between = between, .progress = [&told](double done) { told.push_back(done); }});
        REQUIRE(profile);
        CHECK(profile->between == between);
        CHECK(profile->tables.size() == 1);
        REQUIRE(!told.empty());
        CHECK(std::ranges::is_sorted(told));
        CHECK(told.front() > 0);
        CHECK(told.back() <= 1);
    }
}

TEST_CASE("more memory between lookups than the machine has is refused") {
    const MadeTable made = made_table(RowFormat::int8);
    const auto profile = tune(model_of({{table_of(made), {}}}), {.between = std::size_t{1} << 50});
    REQUIRE(!profile);
    CHECK(profile.error().code == ErrorCode::out_of_memory);
    CHECK(profile.error().message.find("cannot write 1125899906842624 bytes between lookups") == 0);
}

TEST_CASE("a table without rows is not measured") {
    const Floats none;
    const auto profile = tune(model_of({{f32_table(none, 4), {}}}));
    REQUIRE(profile);
    CHECK(profile->tables.empty());
}

TEST_CASE("a profile applies to tables of its name, format and shape, and leaves explicit options alone") {
    const MadeTable made = made_table(RowFormat::int8);
    const MadeTable other = made_table(RowFormat::int4);
    constexpr Prefetch kExplicit = {3, Prefetch::Into::second_level};
    const Model model =
        model_of({{table_of(made), {}}, {table_of(other), {}}, {table_of(made), {.prefetch = kExplicit}}});
    const auto tuned = with_profile(model, profile_for(made, kUnusual));
    REQUIRE(tuned);
    CHECK(tuned->features()[0].options.prefetch == kUnusual);
    CHECK(!tuned->features()[1].options.prefetch);
    CHECK(tuned->features()[2].options.prefetch == kExplicit);
}

TEST_CASE("a profile that says what the rule says leaves the table to the rule") {
    const MadeTable made = made_table(RowFormat::int8);
    const Model model = model_of({{table_of(made), {}}});
    const Prefetch by_rule = pooling::contents_of(model).plans[0].rows.prefetch;
    const auto tuned = with_profile(model, profile_for(made, by_rule));
    REQUIRE(tuned);
    CHECK(!tuned->features()[0].options.prefetch);
}

TEST_CASE("a profile comes back from its file as it was") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    TuningProfile saved = profile_for(made_table(RowFormat::tbe_int4), kUnusual);
    saved.between = SIZE_MAX;
    REQUIRE(save_profile(saved, path));
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->cpu == "some CPU");
    CHECK(loaded->between == SIZE_MAX);
    REQUIRE(loaded->tables.size() == 1);
    const TableTuning& a = saved.tables[0];
    const TableTuning& b = loaded->tables[0];
    CHECK(a.table == b.table);
    CHECK(a.format == b.format);
    CHECK(a.rows == b.rows);
    CHECK(a.dim == b.dim);
    CHECK(a.prefetch == b.prefetch);
    CHECK(a.ns_row == b.ns_row);
    CHECK(a.ns_row_untuned == b.ns_row_untuned);
}

TEST_CASE("a profile that says nothing of the caches was measured without writing between lookups") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    write_file(path, R"({"rowpool_tuning": 1, "cpu": "", "tables": []})");
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->between == 0);
}

TEST_CASE("a profile of many tables comes back") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    TuningProfile saved;
    TableTuning any;
    any.table = "t";
    any.dim = 4;
    saved.tables.resize(788, any);
    REQUIRE(save_profile(saved, path));
    const auto loaded = load_profile(path);
    REQUIRE(loaded);
    CHECK(loaded->tables.size() == 788);
}

TEST_CASE("what would not come back is not saved") {
    const TemporaryFolder folder;
    const std::string path = folder / "profile.json";
    const TableTuning far = {.table = "t", .dim = 4, .prefetch = {Prefetch::kMostDistance + 1}};
    TableTuning timeless = {.table = "t", .dim = 4, .prefetch = {}, .ns_row = NAN};
    for (const TableTuning& tuning : {far, timeless}) {
        const Status status = save_profile({.cpu = "", .tables = {tuning}}, path);
        REQUIRE(!status);
        CHECK(status.error().code == ErrorCode::invalid_argument);
    }
    CHECK(folder.names().empty());
}

TEST_CASE("files that are no profiles are refused, and say why") {
    CHECK(fault_of_profile("").find("is not JSON") != std::string::npos);
    CHECK(fault_of_profile("[]") == ": is no tuning profile: it has no version");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 2})") == ": is a tuning profile of a newer version");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": 5, "tables": []})") == ": has no cpu or no tables");
    CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": "", "tables": [{}]})") ==
          ": table 0 is not as it should be");
    CHECK(fault_of_profile(
              R"({"rowpool_tuning": 1, "cpu": "", "tables": [{"table": "t", "format": "int8", "rows": 1, "dim": 2,)"
              R"("prefetch_distance": 5000, "prefetch_into": "L2", "ns_row": 1, "ns_row_untuned": 1}]})") ==
          ": table 0 is not as it should be");
    for (const std::string wrong : {"-1", "1.5", "\"2MiB\""}) {
        CHECK(fault_of_profile(R"({"rowpool_tuning": 1, "cpu": "", "tables": [], "between_bytes": )" + wrong + "}") ==
              ": has a wrong between_bytes");
    }
    const auto missing = load_profile("/nowhere/profile.json");
    REQUIRE(!missing);
    CHECK(missing.error().code == ErrorCode::io_error);
}

TEST_CASE("a profile that cannot be written says where") {
    const Status status = save_profile({}, "/nowhere/profile.json");
    REQUIRE(!status);
    CHECK(status.error().message.find("/nowhere") != std::string::npos);
}

}  // namespace
}  // namespace rowpool::test
