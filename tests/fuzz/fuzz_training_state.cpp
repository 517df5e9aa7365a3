// Any bytes as the state of an optimizer: what is refused changes nothing, what is gone on from makes a step and is
// saved as it was.
#include <algorithm>
#include <vector>

#include "rowpool_train/rowpool_train.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/container.hpp"
#include "tests/support/files.hpp"

namespace rowpool::fuzz {
namespace {

const train::OptimizerRule kRules[] = {train::Sgd{}, train::Sgd{.momentum = 0.5}, train::Adagrad{},
                                       train::RowWiseAdagrad{}, train::SparseAdam{}};

/// A step for the first and the last row.
void make_step(train::Optimizer& optimizer) {
    const std::size_t rows = optimizer.table().rows(), dim = optimizer.table().dim();
    train::Gradient gradient = {.is_sparse = true};
    if (rows > 0) gradient.rows.push_back(0);
    if (rows > 1) gradient.rows.push_back(rows - 1);
    gradient.values.assign(gradient.rows.size() * dim, 0.5F);
    const auto before = optimizer.steps();
    tools::check(optimizer.step(gradient));
    require(optimizer.steps() == before + 1, "a step counts");
}

/// The state saved, and opened again, is the same one.
void save_and_open(const train::Optimizer& optimizer, const train::OptimizerRule& rule) {
    const test::TemporaryFolder folder;
    const std::string path = folder / "state.safetensors";
    tools::check(optimizer.save(path));
    const auto again = tools::value_of(train::Optimizer::open(path, rule));
    require(std::ranges::equal(again.table().bytes(), optimizer.table().bytes()), "rows are kept");
    require(again.steps() == optimizer.steps(), "steps are kept");
    require(again.table().padding_idx() == optimizer.table().padding_idx(), "the padding index is kept");
}

/// A table of the shape that the seeds have, and its optimizer, stay as they are when a state is not of theirs.
void load_into_other(const std::string& path, const train::OptimizerRule& rule, RowFormat format) {
    const auto table = tools::value_of(train::MutableTable::create(
        "words", {.num_embeddings = 11, .embedding_dim = 7, .format = format, .padding_idx = 2}));
    auto optimizer = tools::value_of(train::Optimizer::create(table, rule));
    const std::vector<std::byte> before(table.bytes().begin(), table.bytes().end());
    const bool is_loaded = bool(optimizer.load(path));
    const bool is_unchanged = std::ranges::equal(before, table.bytes()) && optimizer.steps() == 0;
    require(is_loaded || is_unchanged, "a refused state changes nothing");
    make_step(optimizer);
}

}  // namespace

void run(std::span<const std::byte> bytes) {
    const std::string text = test::sealed_file(bytes);
    for (const train::OptimizerRule& rule : kRules) {
        on_file(std::as_bytes(std::span(text)), [&](const std::string& path) {
            for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
                load_into_other(path, rule, format);
            }
            auto optimizer = tools::value_of(train::Optimizer::open(path, rule));
            save_and_open(optimizer, rule);
            make_step(optimizer);
        });
    }
}

}  // namespace rowpool::fuzz
