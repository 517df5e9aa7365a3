// Models and requests: every feature's columns are what pool() gives for it, for any mix of formats, dims and poolings;
// faults name the feature's table and bag.
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "rowpool/engine.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

/// Twelve features of all formats, poolings and ways to prefetch over ten tables, and a batch for them. With bad
/// indices among them where those are skipped.
struct MixedRequest {
    std::vector<MadeTable> made;
    std::vector<Feature> features;
    std::vector<ReferenceBags> bags;  ///< of each feature
    std::size_t batch;
    Ids indices;
    Ids offsets = {0};
    Floats weights;

    explicit MixedRequest(std::size_t batch_size, bool weighted, OnBadIndex on_bad_index = OnBadIndex::skip)
        : batch(batch_size) {
        Random random(41);
        std::size_t dim = 5;
        for (const RowFormat format : all_row_formats()) {
            made.push_back(make_table(random, format, 20 + dim, dim, dim % 3, Values::tame));
            if (made.size() % 3 == 0) add_remap(random, 50, false, made.back());
            dim += 7;
        }
        for (std::size_t f = 0; f < 12; ++f) add_feature(random, f, weighted, on_bad_index);
    }

    Model model() const {
        Result<Model> result = Model::create(features);
        REQUIRE(result);
        return *std::move(result);
    }
    Request request() const { return {indices, offsets, weights}; }

    /// What pool() gives for feature f.
    Floats alone(std::size_t f) const {
        const auto own_offsets = as<std::int64_t>(bags[f].offsets);
        const bool takes_weights = features[f].options.mode != Pooling::max;
        const std::span<const float> own_weights = takes_weights ? std::span(bags[f].weights) : std::span<float>();
        return pooled(features[f].table, Bags(bags[f].indices, own_offsets, own_weights), features[f].options);
    }

private:
    void add_feature(Random& random, std::size_t f, bool weighted, OnBadIndex on_bad_index) {
        static constexpr Pooling kModes[] = {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max};
        static constexpr std::size_t kDistances[] = {64, 0, 16, 4096, 8};
        using Into = Prefetch::Into;
        const MadeTable& table = made[f * 7 % made.size()];
        PoolOptions options = {.mode = kModes[f % 4], .on_bad_index = on_bad_index};
        options.prefetch = Prefetch{kDistances[f % 5], f % 3 == 0 ? Into::second_level : Into::first_level};
        if (f % 2 != 0) options.padding_index = -1;
        if (f % 5 == 0) options.divisor = Divisor::bag_length;
        features.push_back({table_of(table, "table " + std::to_string(f)), options});
        std::vector<std::size_t> lengths(batch);
        for (std::size_t& length : lengths) length = random.below(f == 4 ? 200 : 6);  // one is heavier than all others
        if (f == 7) lengths.assign(batch, 3);
        bags.push_back(
            make_bags(random, lengths, features.back().table.num_ids(), on_bad_index == OnBadIndex::skip ? 20 : 0));
        if (weighted) bags[f].weights = make_weights(random, bags[f].indices.size());
        const auto first = static_cast<std::int64_t>(indices.size());
        indices.insert(indices.end(), bags[f].indices.begin(), bags[f].indices.end());
        weights.insert(weights.end(), bags[f].weights.begin(), bags[f].weights.end());
        for (std::size_t b = 1; b <= batch; ++b) {
            offsets.push_back(first + static_cast<std::int64_t>(bags[f].offsets[b]));
        }
    }
};

/// How many elements of a request's output are not what pool() gives for their feature alone.
std::size_t wrong_elements(const MixedRequest& mixed, const Model& model, const Floats& out) {
    std::size_t wrong = 0;
    for (std::size_t f = 0; f < mixed.features.size(); ++f) {
        const Floats alone = mixed.alone(f);
        const std::size_t dim = mixed.features[f].table.dim();
        for (std::size_t i = 0; i < alone.size(); ++i) {
            wrong += out[i / dim * model.total_dim() + model.column(f) + i % dim] == alone[i] ? 0u : 1u;
        }
    }
    return wrong;
}

TEST_CASE("each feature's columns are what pool() gives for it") {
    for (const auto& [weighted, on_bad_index] : {std::pair(false, OnBadIndex::skip),
                                                 {true, OnBadIndex::skip},
                                                 {false, OnBadIndex::fail},
                                                 {true, OnBadIndex::fail}}) {
        for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, std::size_t{700}}) {
            const MixedRequest mixed(batch, weighted, on_bad_index);
            const Model model = mixed.model();
            for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
                Floats out(batch * model.total_dim(), NAN);
                const PoolStatus status = Engine({.threads = threads}).pool(model, mixed.request(), out);
                REQUIRE_MESSAGE(bool(status), status.message());
                CHECK(wrong_elements(mixed, model, out) == 0);
            }
        }
    }
}

TEST_CASE("features with as many indices as bags, more than are prepared at once") {
    // One a bag in every other feature; the others have bags of none and of two.
    Random random(43);
    const MadeTable made = make_table(random, RowFormat::int8, 50, 24, 0, Values::tame);
    constexpr std::size_t kFeatures = 100;
    const Model model = *Model::create(std::vector<Feature>(kFeatures, {table_of(made), {.mode = Pooling::mean}}));
    for (const std::size_t batch : {1u, 2u, 40u}) {
        Ids indices, offsets = {0};
        for (std::size_t bag = 0; bag < kFeatures * batch; ++bag) {
            const std::size_t length = bag / batch % 2 == 0 ? 1 : bag % 2 * 2;
            for (std::size_t i = 0; i < length; ++i) indices.push_back(static_cast<std::int64_t>(random.below(50)));
            offsets.push_back(static_cast<std::int64_t>(indices.size()));
        }
        for (const std::size_t threads : {1u, 3u}) {
            Floats out(batch * model.total_dim(), NAN);
            REQUIRE(Engine({.threads = threads}).pool(model, {indices, offsets}, out));
            const Floats alone = pooled(table_of(made), Bags(indices, offsets), {.mode = Pooling::mean});
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < alone.size(); ++i) {
                const std::size_t bag = i / 24;
                wrong += out[bag % batch * model.total_dim() + bag / batch * 24 + i % 24] == alone[i] ? 0u : 1u;
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("a request without samples needs no output") {
    const MixedRequest mixed(0, false);
    const PoolStatus status = Engine({.threads = 1}).pool(mixed.model(), mixed.request(), Output(std::span<float>()));
    CHECK(status);
    CHECK(status.skipped == 0);
}

TEST_CASE("skipped indices of all features are counted together") {
    const MixedRequest mixed(300, false);
    std::size_t expected = 0;
    for (std::size_t f = 0; f < mixed.features.size(); ++f) {
        const auto ids = static_cast<std::int64_t>(mixed.features[f].table.num_ids());
        for (const std::int64_t index : mixed.bags[f].indices) expected += index < 0 || index >= ids ? 1u : 0u;
    }
    REQUIRE(expected > 0);
    Floats out(300 * mixed.model().total_dim());
    CHECK(Engine({.threads = 3}).pool(mixed.model(), mixed.request(), out).skipped == expected);
}

TEST_CASE("a request goes to a strided f16 output without touching what is between") {
    const MixedRequest mixed(5, false);
    const Model model = mixed.model();
    const std::size_t stride = model.total_dim() + 9;
    Floats floats(5 * model.total_dim());
    std::vector<Float16> halves(5 * stride, Float16{0x1234});
    const Engine engine({.threads = 2});
    REQUIRE(engine.pool(model, mixed.request(), floats));
    REQUIRE(engine.pool(model, mixed.request(), {std::span(halves), stride, 4}));
    for (std::size_t i = 0; i < halves.size(); ++i) {
        const bool written = i % stride >= 4 && i % stride < 4 + model.total_dim();
        const std::size_t element = i / stride * model.total_dim() + i % stride - 4;
        CHECK(halves[i].bits == (written ? encode_f16(floats[element]) : 0x1234));
    }
}

TEST_CASE("indices and offsets may be int32") {
    const MixedRequest mixed(50, true);
    const Model model = mixed.model();
    Floats wide(50 * model.total_dim()), narrow(wide.size());
    const auto narrow_indices = as<std::int32_t>(mixed.indices);
    const auto narrow_offsets = as<std::int32_t>(mixed.offsets);
    const Engine engine({.threads = 2});
    REQUIRE(engine.pool(model, mixed.request(), wide));
    REQUIRE(engine.pool(model, {narrow_indices, narrow_offsets, mixed.weights}, narrow));
    CHECK((narrow == wide));
}

TEST_CASE("a model knows its columns") {
    const MixedRequest mixed(1, false);
    const Model model = mixed.model();
    std::size_t column = 0;
    for (std::size_t f = 0; f < mixed.features.size(); ++f) {
        CHECK(model.column(f) == column);
        column += mixed.features[f].table.dim();
    }
    CHECK(model.total_dim() == column);
    CHECK(model.features().size() == mixed.features.size());
}

TEST_CASE("models that cannot be are refused") {
    const Floats values = {1, 2};
    const Table table = f32_table(values, 1, "item_id");
    const auto refusal = [](std::vector<Feature> features) {
        const auto model = Model::create(std::move(features));
        REQUIRE(!model);
        CHECK(model.error().code == ErrorCode::invalid_argument);
        return model.error().message;
    };
    CHECK(refusal({}) == "a model needs at least one feature");
    CHECK(refusal({{table, {.mode = Pooling::none}}}) ==
          "feature 0, table item_id: a feature is pooled; mode none is for single tables");
    CHECK(refusal({{table, {}}, {table, {.padding_index = 2}}}) ==
          "feature 1, table item_id: padding index 2 is outside its 2 ids");
}

/// Two features of two rows of one column, asked with these buffers.
PoolStatus fault_of_request(const Request& request, std::size_t out_size = 4, std::size_t stride = 0) {
    static const Floats values = {1, 2};
    static const Table users = f32_table(values, 1, "user_id"), items = f32_table(values, 1, "item_id");
    static const Model model = *Model::create({{users, {.mode = Pooling::sum}}, {items, {.mode = Pooling::max}}});
    Floats out(out_size, -99.0f);
    PoolStatus status = Engine({.threads = 1}).pool(model, request, {out, stride});
    CHECK(out == Floats(out_size, -99.0f));
    return status;
}

TEST_CASE("faults of requests") {
    const Ids indices = {0, 1, 0, 1};
    const Ids offsets = {0, 1, 2, 3, 4};
    const Floats weights = {1, 1, 1, 1};
    const auto message = [](const PoolStatus& status, PoolFault fault) {
        CHECK(status.fault == fault);
        return status.message();
    };
    CHECK(message(fault_of_request({indices, Ids{0, 1, 2, 4}}), PoolFault::batch_shape) ==
          "4 offsets are not 2 features * batch + 1");
    CHECK(message(fault_of_request({Ids{}, Ids{}}), PoolFault::batch_shape) ==
          "0 offsets are not 2 features * batch + 1");
    CHECK(message(fault_of_request({indices, Ids{1, 1, 2, 3, 4}}), PoolFault::first_offset) ==
          "offsets[0] is 1, not 0");
    CHECK(message(fault_of_request({indices, Ids{0, 1, 2, 1, 4}}), PoolFault::falling_offset) ==
          "offsets[3] is 1, below 2 before it");
    CHECK(message(fault_of_request({indices, Ids{0, 1, 2, 3, 3}}), PoolFault::last_offset) ==
          "the last offset is 3, but there are 4 indices");
    CHECK(message(fault_of_request({Ids{0, 1, 0, 2}, offsets}), PoolFault::index) ==
          "feature 1, table item_id, bag 1: index 2 at position 3 is not in [0, 2)");
    CHECK(message(fault_of_request({Ids{0, -1, 0, 2}, offsets}), PoolFault::index) ==
          "feature 0, table user_id, bag 1: index -1 at position 1 is not in [0, 2)");
    CHECK(message(fault_of_request({indices, offsets, std::span(weights).first(3)}), PoolFault::weights_size) ==
          "3 weights for 4 indices");
    CHECK(message(fault_of_request({indices, offsets}, 3), PoolFault::output_size) ==
          "output of 3 elements is too small for 2 rows of stride 2");
    CHECK(message(fault_of_request({indices, offsets}, 4, 1), PoolFault::output_stride) ==
          "output stride 1 is below the 2 columns of a row");
}

TEST_CASE("weights are for features that take them, of which there is one at least") {
    const Floats values = {1, 2};
    const Table table = f32_table(values, 1, "user_id");
    const Ids indices = {0, 1, 0, 1}, offsets = {0, 2, 4};
    const Floats weights = {10, 100, -1, -1};
    Floats out(2);
    Engine engine({.threads = 1});
    const Feature sum = {table, {.mode = Pooling::sum}}, max = {table, {.mode = Pooling::max}};
    REQUIRE(engine.pool(*Model::create({sum, max}), {indices, offsets, weights}, out));
    CHECK(out == Floats{210, 2});
    const PoolStatus status = engine.pool(*Model::create({max, max}), {indices, offsets, weights}, out);
    CHECK(status.fault == PoolFault::weights_with_mode);
    CHECK(status.message() == "weights go with sum, mean and sqrtn only");
    CHECK(out == Floats{210, 2});
}

TEST_CASE("skipped indices are counted for each feature, on any number of threads") {
    const MixedRequest mixed(300, false);
    std::vector<std::size_t> expected(mixed.features.size());
    for (std::size_t f = 0; f < expected.size(); ++f) {
        const auto ids = static_cast<std::int64_t>(mixed.features[f].table.num_ids());
        for (const std::int64_t index : mixed.bags[f].indices) expected[f] += index < 0 || index >= ids ? 1u : 0u;
    }
    const Model model = mixed.model();
    Floats out(300 * model.total_dim());
    for (const std::size_t threads : {std::size_t{1}, std::size_t{3}}) {
        std::vector<std::size_t> skipped(expected.size(), 7);
        REQUIRE(Engine({.threads = threads}).pool(model, mixed.request(), out, skipped));
        CHECK(skipped == expected);
    }
    std::vector<std::size_t> skipped(expected.size() + 1, 7);
    const PoolStatus status = Engine({.threads = 1}).pool(model, mixed.request(), out, skipped);
    CHECK(status.fault == PoolFault::skipped_size);
    CHECK(status.message() == "13 counts of skipped indices for 12 features");
    CHECK(skipped == std::vector<std::size_t>(13, 7));
}

TEST_CASE("two features of one table are told apart") {
    const Floats values = {1, 2};
    const Table table = f32_table(values, 1, "item_id");
    const Model model = *Model::create({{table, {}}, {table, {}}});
    const Ids offsets = {0, 1, 2};
    Floats out(2);
    const Engine engine({.threads = 1});
    const PoolStatus first = engine.pool(model, {Ids{2, 0}, offsets}, out);
    const PoolStatus second = engine.pool(model, {Ids{0, 2}, offsets}, out);
    CHECK(first.feature == 0);
    CHECK(first.message() == "feature 0, table item_id, bag 0: index 2 at position 0 is not in [0, 2)");
    CHECK(second.feature == 1);
    CHECK(second.message() == "feature 1, table item_id, bag 0: index 2 at position 1 is not in [0, 2)");
}

TEST_CASE("a status outlives the model that it is about") {
    PoolStatus status;
    {
        const Floats values = {1, 2};
        const Model model =
            *Model::create({{f32_table(values, 1, "a name that is not short enough to be inline"), {}}});
        Floats out(1);
        status = Engine({.threads = 1}).pool(model, {Ids{2}, Ids{0, 1}}, out);
    }
    CHECK(status.table == "a name that is not short enough to be inline");
    std::ostringstream log;
    log << "in " << status.table << '!';
    CHECK(log.str() == "in a name that is not short enough to be inline!");
    const Status general = status;
    CHECK(general.code() == ErrorCode::index_out_of_range);
    CHECK(general.message() == status.message());
    CHECK(status.error().message == general.error().message);
    CHECK(Status(PoolStatus()).message() == "ok");
}

}  // namespace
}  // namespace rowpool::test
