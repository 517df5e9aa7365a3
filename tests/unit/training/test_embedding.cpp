// Lookups that learn: gradients against plain loops, the same bits for every number of threads, and refusals.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "tests/support/learning.hpp"

namespace rowpool::train {
namespace {

using rowpool::test::Random;
using rowpool::test::random_bags;
using rowpool::test::random_floats;
using rowpool::test::rows_of;
using Floats = std::vector<float>;

EmbeddingBag make(const TableOptions& table, const EmbeddingOptions& options) {
    auto made = EmbeddingBag::create(*MutableTable::create("t", table), options);
    REQUIRE_MESSAGE(made, made.message());
    return *made;
}

Floats dense(const Gradient& gradient, const MutableTable& table) {
    if (!gradient.is_sparse) return gradient.values;
    Floats all(table.rows() * table.dim());
    for (std::size_t i = 0; i < gradient.values.size(); ++i) {
        all[gradient.rows[i / table.dim()] * table.dim() + i % table.dim()] = gradient.values[i];
    }
    return all;
}

TEST_CASE("gradients of random calls, by the definition") {
    Random random(11);
    for (int call = 0; call < 400; ++call) {
        CAPTURE(call);
        const Pooling mode = random.pick({Pooling::none, Pooling::sum, Pooling::mean, Pooling::max});
        const bool sparse = mode != Pooling::max && random.below(2) == 0;
        const bool by_count = mode != Pooling::max && !sparse && random.below(2) == 0;
        const bool is_weighted = mode == Pooling::sum && random.below(2) == 0;
        TableOptions table = {.num_embeddings = 1 + random.below(60), .embedding_dim = 1 + random.below(70)};
        if (random.below(2) == 0) table.padding_idx = static_cast<std::int64_t>(random.below(table.num_embeddings));
        const EmbeddingBag embedding = make(table, {.mode = mode, .scale_grad_by_freq = by_count, .sparse = sparse});
        const auto bags = random_bags(random, 1 + random.below(40), 12, table.num_embeddings, mode, is_weighted);
        const Floats grad = random_floats(random, bags.num_bags() * table.embedding_dim);
        Floats grad_weights(bags.weights.size());
        const auto found = embedding.backward(bags.bags(mode), grad, grad_weights);
        REQUIRE_MESSAGE(found, found.message());
        const auto wanted = reference_gradient(embedding, bags, grad);
        const Floats values = dense(*found, embedding.table());
        REQUIRE(values.size() == wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs(values[i] - wanted[i]) < 2e-5);
        for (std::size_t i = 1; i < found->rows.size(); ++i) CHECK(found->rows[i - 1] < found->rows[i]);
        const Floats rows = rows_of(embedding.table());
        for (std::size_t bag = 0; is_weighted && bag < bags.num_bags(); ++bag) {
            for (auto i = static_cast<std::size_t>(bags.offsets[bag]);
                 i < static_cast<std::size_t>(bags.offsets[bag + 1]); ++i) {
                double product = 0;
                for (std::size_t d = 0; d < table.embedding_dim && bags.indices[i] != table.padding_idx; ++d) {
                    product += double{grad[bag * table.embedding_dim + d]} *
                               double{rows[static_cast<std::size_t>(bags.indices[i]) * table.embedding_dim + d]};
                }
                CHECK(std::abs(grad_weights[i] - product) < 1e-4);
            }
        }
    }
}

TEST_CASE("every number of threads gives the same bits") {
    Random random(12);
    for (const Pooling mode : {Pooling::none, Pooling::sum, Pooling::mean, Pooling::max}) {
        for (const bool sparse : {false, true}) {
            if (sparse && mode == Pooling::max) continue;
            const EmbeddingOptions options = {.mode = mode, .max_norm = 3.0, .sparse = sparse};
            const TableOptions table = {.num_embeddings = 3000, .embedding_dim = 24, .padding_idx = 5, .seed = 1};
            const auto bags = random_bags(random, 6000, 9, 2000, mode);
            const Floats grad = random_floats(random, bags.num_bags() * table.embedding_dim);
            std::optional<Gradient> first;
            Floats first_rows, first_out;
            for (const std::size_t threads : {1u, 2u, 3u, 7u}) {
                const Workers workers(threads);
                EmbeddingBag embedding = make(table, options);
                Floats out(grad.size());
                REQUIRE(embedding.forward(bags.bags(mode), out, workers));
                const auto gradient = embedding.backward(bags.bags(mode), grad, {}, workers);
                REQUIRE(gradient);
                if (!first) {
                    first = *gradient;
                    first_rows = rows_of(embedding.table());
                    first_out = out;
                }
                CHECK(gradient->rows == first->rows);
                CHECK(gradient->values == first->values);
                CHECK(rows_of(embedding.table()) == first_rows);
                CHECK(out == first_out);
            }
        }
    }
}

TEST_CASE("max_norm scales looked-up rows once, and marks them") {
    const Floats rows = {3, 4, 0.3f, 0.4f, 30, 40};
    const auto view = Table::view("t", {.rows = 3, .dim = 2}, std::as_bytes(std::span(rows)));
    const std::vector<std::int64_t> indices = {0, 1, 0}, offsets = {0, 3};
    struct Scaled {
        double p;
        float first, second;
    };
    for (const Scaled& wanted :
         {Scaled{2, 0.6f, 0.8f}, Scaled{1, 0.42857f, 0.57143f}, Scaled{0.5, 0.21539f, 0.28719f},
          Scaled{INFINITY, 0.75f, 1.0f}, Scaled{0, 1.5f, 2.0f}, Scaled{-INFINITY, 1.0f, 1.3333f}}) {
        CAPTURE(wanted.p);
        auto embedding = *EmbeddingBag::create(*MutableTable::from_pretrained(*view),
                                               {.mode = Pooling::sum, .max_norm = 1.0, .norm_type = wanted.p});
        Floats out(2);
        REQUIRE(embedding.forward({indices, offsets}, out));
        const Floats after = rows_of(embedding.table());
        CHECK(after[0] == doctest::Approx(wanted.first).epsilon(1e-4));
        CHECK(after[1] == doctest::Approx(wanted.second).epsilon(1e-4));
        CHECK(after[4] == 30);  // was not looked up
        CHECK(out[0] == doctest::Approx(2 * after[0] + after[2]));
        CHECK(embedding.table().touched().front() == 0);
        CHECK(!embedding.table().is_touched(2));
    }
    auto zero = *EmbeddingBag::create(*MutableTable::from_pretrained(*view), {.mode = Pooling::sum, .max_norm = 0.0});
    Floats out(2);
    REQUIRE(zero.forward({indices, offsets}, out));
    CHECK(out == Floats{0, 0});
}

TEST_CASE("a call that fails changes nothing") {
    EmbeddingBag embedding = make({.num_embeddings = 4, .embedding_dim = 2}, {.mode = Pooling::sum, .max_norm = 0.1});
    const Floats before = rows_of(embedding.table());
    const std::vector<std::int64_t> good = {0, 1}, bad = {0, 4}, offsets = {0, 1, 2}, falling = {0, 2, 1};
    Floats out(4, -1), small(3, -1);
    CHECK(embedding.forward({bad, offsets}, out).message() == "table t, bag 1: index 4 at position 1 is not in [0, 4)");
    CHECK(embedding.forward({good, falling}, out).code() == ErrorCode::invalid_argument);
    CHECK(embedding.forward({good, offsets}, small).code() == ErrorCode::invalid_argument);
    CHECK(rows_of(embedding.table()) == before);
    CHECK(out == Floats(4, -1));
    const Floats grad = {1, 2, NAN, 4}, right = {1, 2, 3, 4}, weights = {1, INFINITY};
    CHECK(embedding.backward({good, offsets}, grad).message() == "the gradient of bag 1, column 0 is nan");
    CHECK(embedding.backward({good, offsets, weights}, right).message() == "the weight of bag 1, position 1 is inf");
    CHECK(embedding.backward({good, offsets}, std::span(right).first(3)).message() ==
          "a gradient of 3 values, where 2 bags of 2 columns have 4");
    CHECK(embedding.backward({bad, offsets}, right).code() == ErrorCode::index_out_of_range);
    Floats grad_weights(1, -1);
    CHECK(embedding.backward({good, offsets}, right, grad_weights).message() == "1 gradients of weights for 2 indices");
    CHECK(grad_weights == Floats{-1});
    const auto frozen = make({.num_embeddings = 4, .embedding_dim = 2}, {.mode = Pooling::sum, .frozen = true});
    CHECK(frozen.backward({good, offsets}, right).message() == "a frozen embedding has no gradients");
    EmbeddingBag mean = make({.num_embeddings = 4, .embedding_dim = 2}, {});
    const Floats ones = {1, 1};
    CHECK(mean.forward({good, offsets, ones}, out).message() ==
          "weights go with mode sum only when a table learns, not with mean");
}

TEST_CASE("options that PyTorch refuses are refused") {
    const auto refusal = [](const EmbeddingOptions& options) {
        return EmbeddingBag::create(*MutableTable::create("t", {.num_embeddings = 1, .embedding_dim = 1}), options)
            .message();
    };
    CHECK(refusal({.mode = Pooling::sqrtn}) == "a table learns with mode none, sum, mean or max only");
    CHECK(refusal({.mode = static_cast<Pooling>(77)}) == "a table learns with mode none, sum, mean or max only");
    CHECK(refusal({.max_norm = -1.0}) == "max_norm -1.000000 is below 0 or not finite");
    CHECK(refusal({.max_norm = NAN}) == "max_norm nan is below 0 or not finite");
    CHECK(refusal({.max_norm = 1.0, .norm_type = NAN}) == "norm_type is not a number");
    CHECK(refusal({.mode = Pooling::max, .scale_grad_by_freq = true}) ==
          "mode max does not support scale_grad_by_freq");
    CHECK(refusal({.mode = Pooling::max, .sparse = true}) == "mode max does not support sparse gradients");
    CHECK(refusal({.scale_grad_by_freq = true, .sparse = true}) ==
          "scale_grad_by_freq is not supported with sparse gradients");
}

TEST_CASE("empty calls and empty tables") {
    EmbeddingBag embedding = make({.num_embeddings = 0, .embedding_dim = 2}, {.mode = Pooling::sum, .max_norm = 1.0});
    const std::vector<std::int64_t> none, offsets = {0, 0, 0};
    Floats out(4, -1);
    REQUIRE(embedding.forward({none, offsets}, out));
    CHECK(out == Floats(4, 0));
    const auto gradient = embedding.backward({none, offsets}, Floats(4, 1));
    REQUIRE(gradient);
    CHECK(gradient->values.empty());
}

}  // namespace
}  // namespace rowpool::train
