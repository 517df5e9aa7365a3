// Steps of optimizers: by their formulas, the same bits in every way to make them, saved and gone on from.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "tests/support/files.hpp"
#include "tests/support/learning.hpp"

namespace rowpool::train {
namespace {

using rowpool::test::Random;
using rowpool::test::random_bags;
using rowpool::test::random_floats;
using rowpool::test::rows_of;
using rowpool::test::TemporaryFolder;
using Floats = std::vector<float>;

const OptimizerRule kRules[] = {
    Sgd{.lr = 0.1}, Sgd{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01},
    Adagrad{.lr = 0.1, .lr_decay = 0.01, .weight_decay = 0.01, .initial_accumulator_value = 0.1},
    RowWiseAdagrad{.lr = 0.1, .weight_decay = 0.01}, SparseAdam{.lr = 0.01}};

MutableTable make_table(RowFormat format = RowFormat::f32, std::size_t rows = 500, std::size_t dim = 20) {
    return *MutableTable::create("t",
                                 {.num_embeddings = rows, .embedding_dim = dim, .format = format, .padding_idx = 3});
}

/// Steps with calls from a seed, fused or by way of a gradient.
std::vector<std::byte> trained(const OptimizerRule& rule, RowFormat format, bool sparse, bool is_fused,
                               std::size_t threads) {
    Random random(5);
    const Workers workers(threads);
    const EmbeddingBag embedding = *EmbeddingBag::create(make_table(format), {.mode = Pooling::mean, .sparse = sparse});
    auto optimizer = *Optimizer::create(embedding.table(), rule, {.stochastic = format != RowFormat::f32, .seed = 9});
    for (int step = 0; step < 3; ++step) {
        const auto bags = random_bags(random, 700, 6, 400, Pooling::mean);
        const Floats grad = random_floats(random, bags.num_bags() * embedding.table().dim());
        Status done;
        if (is_fused) {
            done = optimizer.step(embedding, bags.bags(Pooling::mean), grad, workers);
        } else {
            done = optimizer.step(*embedding.backward(bags.bags(Pooling::mean), grad, {}, workers), workers);
        }
        REQUIRE_MESSAGE(done, done.message());
    }
    const auto bytes = embedding.table().bytes();
    return {bytes.begin(), bytes.end()};
}

TEST_CASE("fused or not, on any number of threads, a step has the same bits") {
    for (const OptimizerRule& rule : kRules) {
        for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
            for (const bool sparse : {true, false}) {
                if (!sparse && std::holds_alternative<SparseAdam>(rule)) continue;
                const auto wanted = trained(rule, format, sparse, false, 1);
                for (const std::size_t threads : {1u, 2u, 3u, 7u}) {
                    CHECK(trained(rule, format, sparse, true, threads) == wanted);
                    CHECK(trained(rule, format, sparse, false, threads) == wanted);
                }
            }
        }
    }
}

/// Three steps of one value, by the formula.
template <class Formula>
void check_formula(const OptimizerRule& rule, const Formula& formula) {
    const Floats begin = {2};
    const auto view = Table::view("t", {.rows = 1, .dim = 1}, std::as_bytes(std::span(begin)));
    const MutableTable table = *MutableTable::from_pretrained(*view);
    auto optimizer = *Optimizer::create(table, rule);
    double value = 2;
    for (int step = 1; step <= 3; ++step) {
        const double g = 0.5 * step;
        REQUIRE(optimizer.step(Gradient{.is_sparse = true, .rows = {0}, .values = {static_cast<float>(g)}}));
        value = formula(step, g, value);
        CHECK(rows_of(table)[0] == doctest::Approx(value).epsilon(1e-6));
    }
    CHECK(optimizer.steps() == 3);
    CHECK(table.touched().size() == 1);
}

/// A number from 1 to 251 that goes with values.
int digest(const Floats& values) {
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return static_cast<int>(static_cast<std::uint64_t>(std::abs(sum) * 1e6) % 251) + 1;
}

TEST_CASE("a child of fork trains on its own thread, and workers end in it") {
    auto workers = std::make_unique<Workers>(3);
    const EmbeddingBag embedding = *EmbeddingBag::create(make_table(), {.mode = Pooling::sum, .sparse = true});
    auto optimizer = *Optimizer::create(embedding.table(), Sgd{.lr = 0.1});
    Random random(5);
    const auto bags = random_bags(random, 3000, 6, 500, Pooling::sum);
    const Floats grad = random_floats(random, bags.num_bags() * embedding.table().dim());
    const pid_t child = fork();
    REQUIRE(child >= 0);
    const Status stepped = optimizer.step(embedding, bags.bags(Pooling::sum), grad, *workers);
    const Floats after = rows_of(embedding.table());
    if (child == 0) {
        const bool is_alone = workers->threads() == 1;
        workers.reset();
        _exit(stepped && is_alone ? digest(after) : 0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == digest(after));
}

TEST_CASE("the formulas") {
    double b = 0, s = 0.25, r = 0, m = 0, v = 0;
    check_formula(Sgd{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01}, [&](int, double g, double w) {
        b = 0.9 * b + g + 0.01 * w;
        return w - 0.1 * b;
    });
    check_formula(Adagrad{.lr = 0.1, .lr_decay = 0.5, .initial_accumulator_value = 0.25, .eps = 1e-3},
                  [&](int step, double g, double w) {
                      s += g * g;
                      return w - 0.1 / (1 + (step - 1) * 0.5) * g / (std::sqrt(s) + 1e-3);
                  });
    check_formula(RowWiseAdagrad{.lr = 0.1, .weight_decay = 0.01, .eps = 1e-3}, [&](int, double g, double w) {
        g += 0.01 * w;
        r += g * g;
        return w - 0.1 / (std::sqrt(r) + 1e-3) * g;
    });
    check_formula(SparseAdam{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3}, [&](int step, double g, double w) {
        m += 0.2 * (g - m);
        v += 0.1 * (g * g - v);
        return w - 0.1 * std::sqrt(1 - std::pow(0.9, step)) / (1 - std::pow(0.8, step)) * m / (std::sqrt(v) + 1e-3);
    });
}

TEST_CASE("rows without a gradient keep their values and state; dense gradients update all") {
    const MutableTable table = make_table();
    const Floats before = rows_of(table);
    auto optimizer = *Optimizer::create(table, Sgd{.lr = 0.1, .weight_decay = 0.5});
    REQUIRE(optimizer.step(Gradient{.is_sparse = true, .rows = {7}, .values = Floats(20, 1)}));
    const Floats after = rows_of(table);
    for (std::size_t i = 0; i < after.size(); ++i) CHECK((after[i] == before[i]) == (i / 20 != 7));
    CHECK(table.touched() == std::vector<std::size_t>{7});
    REQUIRE(optimizer.step(Gradient{.values = Floats(500 * 20)}));
    CHECK(table.touched().size() == 500);
    CHECK(rows_of(table)[0] == doctest::Approx(after[0] * (1 - 0.1 * 0.5)));
}

TEST_CASE("the state grows with the table") {
    MutableTable table = make_table();
    auto optimizer = *Optimizer::create(table, Adagrad{.lr = 1, .initial_accumulator_value = 9, .eps = 0});
    REQUIRE(optimizer.step(Gradient{.is_sparse = true, .rows = {499}, .values = Floats(20, 4)}));
    const float before = rows_of(table)[499 * 20];
    REQUIRE(table.grow(1000));
    const float last = rows_of(table)[999 * 20];
    REQUIRE(optimizer.step(Gradient{.is_sparse = true, .rows = {499, 999}, .values = Floats(40, 4)}));
    CHECK(rows_of(table)[499 * 20] == doctest::Approx(before - 4 / std::sqrt(9.0 + 16 + 16)));
    CHECK(rows_of(table)[999 * 20] == doctest::Approx(last - 4.0 / 5));
}

TEST_CASE("a step that fails changes nothing") {
    const MutableTable table = make_table();
    const Floats before = rows_of(table);
    for (const OptimizerRule& rule : kRules) {
        auto optimizer = *Optimizer::create(table, rule);
        const auto refusal = [&](const Gradient& gradient) { return optimizer.step(gradient).message(); };
        CHECK(refusal({.is_sparse = true, .rows = {1}, .values = Floats(19)}) ==
              "a gradient of 19 values for 1 rows of 20 columns");
        CHECK(refusal({.is_sparse = true, .rows = {500}, .values = Floats(20)}) ==
              "row 500 of the gradient, at 0, is not in [0, 500)");
        CHECK(refusal({.is_sparse = true, .rows = {2, 2}, .values = Floats(40)}) ==
              "row 2 of the gradient, at 1, is not above the one before it");
        CHECK(refusal({.rows = {2}, .values = Floats(10000)}) == "a dense gradient that lists rows");
        Floats bad(40, 1);
        bad[25] = -INFINITY;
        CHECK(refusal({.is_sparse = true, .rows = {2, 9}, .values = bad}) == "the gradient of row 9, column 5 is -inf");
        CHECK(optimizer.steps() == 0);
        const auto other = *EmbeddingBag::create(make_table(), {.mode = Pooling::none, .sparse = true});
        const std::vector<std::int64_t> indices = {1};
        CHECK(optimizer.step(other, Bags::rows(indices), Floats(20)).message() ==
              "the embedding is of another table than the optimizer");
        const auto own = *EmbeddingBag::create(table, {.mode = Pooling::none, .sparse = true});
        CHECK(optimizer.step(own, Bags::rows(indices), bad).code() == ErrorCode::invalid_argument);
    }
    auto adam = *Optimizer::create(table, SparseAdam{});
    CHECK(adam.step(Gradient{.values = Floats(10000)}).message() == "SparseAdam does not support dense gradients");
    CHECK(rows_of(table) == before);
    CHECK(table.touched().empty());
}

TEST_CASE("settings that make no sense are refused") {
    const auto refusal = [](const OptimizerRule& rule) { return Optimizer::create(make_table(), rule).message(); };
    CHECK(refusal(Sgd{.lr = -1}) == "lr -1.000000 is not in [0, infinity), as an f32");
    CHECK(refusal(Sgd{.momentum = NAN}) == "momentum nan is not in [0, infinity), as an f32");
    CHECK(refusal(Adagrad{.eps = INFINITY}) == "eps inf is not in [0, infinity), as an f32");
    CHECK(refusal(RowWiseAdagrad{.weight_decay = -0.1}) == "weight_decay -0.100000 is not in [0, infinity), as an f32");
    CHECK(refusal(Sgd{.lr = 1e300}).find("is not in [0, infinity), as an f32") != std::string::npos);
    CHECK(refusal(SparseAdam{.eps = 1e-50}) == "eps 0.000000 is not above 0, as an f32");
    CHECK(refusal(SparseAdam{.beta2 = 1}) == "beta2 1.000000 is not in [0, 1.000000), as an f32");
    auto optimizer = *Optimizer::create(make_table(), Sgd{});
    CHECK(optimizer.set_lr(-1).code() == ErrorCode::invalid_argument);
    REQUIRE(optimizer.set_lr(0.5));
    CHECK(std::get<Sgd>(optimizer.rule()).lr == 0.5);
}

/// One step, from a seed.
void step(Optimizer& optimizer, std::uint64_t seed) {
    Random random(seed);
    const EmbeddingBag embedding = *EmbeddingBag::create(optimizer.table(), {.mode = Pooling::sum, .sparse = true});
    const auto bags = random_bags(random, 50, 6, optimizer.table().rows(), Pooling::sum);
    const Floats grad = random_floats(random, bags.num_bags() * optimizer.table().dim());
    REQUIRE(optimizer.step(embedding, bags.bags(Pooling::sum), grad));
}

TEST_CASE("what was saved goes on with the same bits") {
    const TemporaryFolder folder;
    const std::string path = folder / "state.safetensors";
    for (const OptimizerRule& rule : kRules) {
        for (const RowFormat format : {RowFormat::f32, RowFormat::bf16}) {
            const Rounding rounding = {.stochastic = true, .seed = 4};
            auto first = *Optimizer::create(make_table(format), rule, rounding);
            step(first, 1);
            step(first, 2);
            REQUIRE_MESSAGE(first.save(path), first.save(path).message());
            const std::string saved = rowpool::test::read_file(path);
            auto second = *Optimizer::create(make_table(format), rule, rounding);
            step(second, 99);
            const Status loaded = second.load(path);
            REQUIRE_MESSAGE(loaded, loaded.message());
            CHECK(second.steps() == 2);
            CHECK(std::ranges::equal(second.table().bytes(), first.table().bytes()));
            step(first, 3);
            step(second, 3);
            CHECK(std::ranges::equal(second.table().bytes(), first.table().bytes()));
            CHECK(rowpool::test::read_file(path) == saved);  // the file is not written to
            auto third = *Optimizer::open(path, rule, rounding);
            step(third, 3);
            CHECK(std::ranges::equal(third.table().bytes(), first.table().bytes()));
            CHECK(third.table().padding_idx() == 3);
            REQUIRE(TableFile::open(path)->verify());
        }
    }
}

TEST_CASE("states of other tables and optimizers are refused, and nothing changes") {
    const TemporaryFolder folder;
    const std::string path = folder / "state.safetensors";
    auto saved = *Optimizer::create(make_table(), Adagrad{});
    step(saved, 1);
    REQUIRE(saved.save(path));
    const auto refusal = [&](MutableTable table, const OptimizerRule& rule) {
        const std::vector<std::byte> before(table.bytes().begin(), table.bytes().end());
        auto optimizer = *Optimizer::create(table, rule);
        const std::string message = optimizer.load(path).message();
        CHECK(std::ranges::equal(before, table.bytes()));
        CHECK(optimizer.steps() == 0);
        return message;
    };
    CHECK(refusal(make_table(), SparseAdam{}) ==
          "cannot go on from " + path + ": its optimizer is adagrad, not sparse_adam");
    CHECK(refusal(make_table(RowFormat::f32, 501), Adagrad{}) ==
          "cannot go on from " + path + ": table t has another shape, format or padding index");
    CHECK(refusal(make_table(RowFormat::f32, 500, 21), Adagrad{}) ==
          "cannot go on from " + path + ": table t has another shape, format or padding index");
    CHECK(refusal(*MutableTable::create("t", {.num_embeddings = 500, .embedding_dim = 20}), Adagrad{}) ==
          "cannot go on from " + path + ": table t has another shape, format or padding index");
    CHECK(refusal(make_table(RowFormat::f16), Adagrad{}) ==
          "cannot go on from " + path + ": table t has another shape, format or padding index");
    CHECK(refusal(*MutableTable::create("u", {.num_embeddings = 500, .embedding_dim = 20}), Adagrad{})
              .find(path + ": no table u;") == 0);
    // Every byte counts: one that is changed is found.
    const std::string whole = rowpool::test::read_file(path);
    for (std::size_t at = 0; at < whole.size(); at += whole.size() / 97) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        rowpool::test::write_file(path, damaged);
        auto optimizer = *Optimizer::create(make_table(), Adagrad{});
        CHECK(!optimizer.load(path));
    }
    rowpool::test::write_file(path, "nothing");
    CHECK(refusal(make_table(), Adagrad{}).find(path) != std::string::npos);
    std::filesystem::remove(path);
    CHECK(refusal(make_table(), Adagrad{}) == "cannot open " + path + ": No such file or directory");
}

/// A file that says this of itself.
void write_state(const std::string& path, const std::string& source) {
    auto writer = TableFileWriter::create(path, {{.name = "t", .shape = {.rows = 1, .dim = 1}, .source = source}});
    const float row = 1;
    REQUIRE(writer->append(std::as_bytes(std::span(&row, 1))));
    REQUIRE(writer->finish());
}

TEST_CASE("hostile states") {
    const TemporaryFolder folder;
    const std::string path = folder / "state.safetensors", start = "cannot go on from " + path + ": ";
    const auto refusal = [&](const std::string& source) {
        write_state(path, source);
        return Optimizer::open(path, Sgd{}).message();
    };
    const std::string rest = R"("optimizer": "sgd", "initial": 0, "seed": 1, "steps": )";
    CHECK(refusal(R"({"rowpool_train": 1, )" + rest + "7}") == "ok");
    CHECK(refusal(R"({"rowpool_train": 2, )" + rest + "7}") == start + "a later rowpool wrote it");
    for (const char* const steps : {"18446744073709551615", "9007199254740992", "-1", "1.5", "\"7\"", "null"}) {
        CHECK(refusal(R"({"rowpool_train": 1, )" + rest + steps + "}") == start + "it is no state of an optimizer");
    }
    for (const char* const source : {"", "{}", "[]", "7", "{\"rowpool_train\": 1}", "{\"rowpool_train\": [1]}"}) {
        CHECK(refusal(source) == start + "it is no state of an optimizer");
    }
}

TEST_CASE("a table file is no state") {
    const TemporaryFolder folder;
    const std::string path = folder / "table.safetensors";
    const MutableTable table = make_table();
    const ServedTable served[] = {{table}};
    REQUIRE(write_table_file(path, served));
    auto optimizer = *Optimizer::create(table, Sgd{});
    CHECK(optimizer.load(path).message() == "cannot go on from " + path + ": it is no state of an optimizer");
}

}  // namespace
}  // namespace rowpool::train
