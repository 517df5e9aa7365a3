// States of optimizers that earlier versions saved (tests/golden) are gone on from with the bits of then: NAME is a
// state, NAME.next the same one a step later. With ROWPOOL_MAKE_GOLDEN_STATES=FOLDER both are made, where no file is
// yet.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool_train/rowpool_train.hpp"
#include "tests/support/files.hpp"
#include "tests/support/golden.hpp"

namespace rowpool::test {
namespace {

struct GoldenState {
    const char* name;
    train::OptimizerRule rule;
    RowFormat format;
    bool is_sparse;
    train::Rounding rounding = {};
};

const GoldenState kGoldenStates[] = {
    {"state-sgd", train::Sgd{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01}, RowFormat::f32, false},
    {"state-adagrad",
     train::Adagrad{.lr = 0.1, .lr_decay = 0.01, .initial_accumulator_value = 0.1},
     RowFormat::f16,
     true,
     {.stochastic = true, .seed = 3}},
    {"state-row-wise-adagrad", train::RowWiseAdagrad{.lr = 0.1}, RowFormat::bf16, false},
    {"state-sparse-adam", train::SparseAdam{.lr = 0.01}, RowFormat::f32, true},
};

constexpr int kStepsInState = 3;

train::MutableTable golden_table(const GoldenState& state) {
    return *train::MutableTable::create(
        "words", {.num_embeddings = 11, .embedding_dim = 7, .format = state.format, .padding_idx = 2, .seed = 5});
}

/// The step after those that an optimizer has made: other bags and gradients each time.
void golden_step(const GoldenState& state, train::Optimizer& optimizer) {
    const auto embedding =
        *train::EmbeddingBag::create(optimizer.table(), {.mode = Pooling::sum, .sparse = state.is_sparse});
    const auto step = static_cast<std::int64_t>(optimizer.steps());
    const std::vector<std::int64_t> indices = {step, 4, 2, 4, 9, (step * step + 1) % 11, 0}, offsets = {0, 3, 3, 7};
    std::vector<float> grad(3 * optimizer.table().dim());
    for (std::size_t i = 0; i < grad.size(); ++i) {
        grad[i] = static_cast<float>((static_cast<std::int64_t>(i) * 37 + step * 11) % 64 - 32) / 16;
    }
    REQUIRE(optimizer.step(embedding, Bags(indices, offsets), grad).message() == "ok");
}

/// Both states have the same tables, to the last bit.
void check_same(const std::string& found, const std::string& wanted) {
    const TableFile left = *TableFile::open(found), right = *TableFile::open(wanted);
    CHECK(left.origin(0).source == right.origin(0).source);  // steps and how new rows begin
    const auto tensors = *left.tensors(), wanted_tensors = *right.tensors();
    REQUIRE(tensors.size() == wanted_tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        CHECK(tensors[i].name == wanted_tensors[i].name);
        CHECK(std::ranges::equal(tensors[i].bytes, wanted_tensors[i].bytes));
    }
}

TEST_CASE("states that were saved are gone on from") {
    const TemporaryFolder scratch;
    const std::string found = scratch / "state.safetensors";
    for (const GoldenState& state : kGoldenStates) {
        CAPTURE(state.name);
        const std::string path = golden_folder() + '/' + state.name;
        auto optimizer = *train::Optimizer::open(path + ".safetensors", state.rule, state.rounding);
        CHECK(optimizer.steps() == kStepsInState);
        CHECK(optimizer.table().format() == state.format);
        CHECK(optimizer.table().padding_idx() == 2);
        golden_step(state, optimizer);
        REQUIRE(optimizer.save(found));
        check_same(found, path + ".next.safetensors");
    }
}

TEST_CASE("make the states" * doctest::skip(std::getenv("ROWPOOL_MAKE_GOLDEN_STATES") == nullptr)) {
    for (const GoldenState& state : kGoldenStates) {
        CAPTURE(state.name);
        const std::string path = std::string(std::getenv("ROWPOOL_MAKE_GOLDEN_STATES")) + '/' + state.name;
        if (std::filesystem::exists(path + ".safetensors")) continue;
        auto optimizer = *train::Optimizer::create(golden_table(state), state.rule, state.rounding);
        for (int step = 0; step < kStepsInState; ++step) golden_step(state, optimizer);
        REQUIRE(optimizer.save(path + ".safetensors"));
        golden_step(state, optimizer);
        REQUIRE(optimizer.save(path + ".next.safetensors"));
    }
}

}  // namespace
}  // namespace rowpool::test
