// What PyTorch and FBGEMM computed when tables learn, kept by tests/fixtures/make_training_fixtures.py: forward,
// backward and steps of optimizers within the tolerances of PyTorch's own tests. ROWPOOL_TRAINING_CASES names other
// cases.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rowpool/quantize.hpp"
#include "rowpool_train/rowpool_train.hpp"

namespace rowpool::train::test {
namespace {

using nlohmann::json;
using Floats = std::vector<float>;
using Indices = std::vector<std::int64_t>;

std::string cases_path() {
    if (const char* const given = std::getenv("ROWPOOL_TRAINING_CASES")) return given;
    const char* const folder = std::getenv("ROWPOOL_TEST_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "ROWPOOL_TEST_FIXTURES names the folder tests/fixtures");
    return std::string(folder) + "/training.json";
}

Floats floats_of(const json& hexadecimal) {
    const auto text = hexadecimal.get<std::string>();
    std::vector<unsigned char> bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<unsigned char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
    }
    Floats values(bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

/// The largest distance in units of what is allowed.
double distance(const Floats& found, const Floats& wanted, double relative, double absolute) {
    REQUIRE(found.size() == wanted.size());
    double largest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double difference = std::abs(double{found[i]} - double{wanted[i]});
        largest = std::max(largest, difference / (absolute + relative * std::abs(double{wanted[i]})));
    }
    return largest;
}

Pooling pooling_of(const std::string& name) { return *parse_pooling(name); }

std::optional<OptimizerRule> rule_of(const json& optimizer) {
    if (optimizer.is_null()) return {};
    const auto kind = optimizer.at("kind").get<std::string>();
    const auto number = [&](const char* name) { return optimizer.value(name, 0.0); };
    if (kind == "sgd") return Sgd{number("lr"), number("momentum"), number("weight_decay")};
    if (kind == "adagrad") {
        return Adagrad{number("lr"), number("lr_decay"), number("weight_decay"), number("initial_accumulator_value"),
                       number("eps")};
    }
    if (kind == "row_wise_adagrad") return RowWiseAdagrad{number("lr"), 0, number("eps")};
    REQUIRE(kind == "sparse_adam");
    return SparseAdam{number("lr"), number("beta1"), number("beta2"), number("eps")};
}

/// How far rows may be from PyTorch's, relatively: in f32, its own tolerance of 100 steps; otherwise a number that
/// almost lies between two of the format is rounded to either.
double tolerance_of(RowFormat format) {
    return format == RowFormat::f32 ? 1e-5 : format == RowFormat::f16 ? 1e-3 : 8e-3;
}

/// A table of a case with its optimizer.
class Learner {
public:
    explicit Learner(const json& test) : embedding_(make(test)) {
        if (const auto rule = rule_of(test.at("optimizer"))) optimizer_.emplace(*Optimizer::create(table(), *rule));
    }

    MutableTable& table() { return embedding_.table(); }
    Floats weight() {
        Floats values(table().rows() * table().dim());
        REQUIRE(dequantize_rows(table().view(), 0, values));
        return values;
    }

    void step(const json& wanted) {
        const Indices indices = wanted.at("indices"), offsets = wanted.at("offsets");
        const Floats grad = floats_of(wanted.at("grad"));
        const Floats weights = wanted.contains("weights") ? floats_of(wanted.at("weights")) : Floats();
        const bool is_lookup = embedding_.options().mode == Pooling::none;
        const Bags bags = is_lookup ? Bags::rows(indices) : Bags(indices, offsets, weights);
        Floats out(grad.size());
        REQUIRE(embedding_.forward(bags, out).message() == "ok");
        if (wanted.contains("out")) CHECK(distance(out, floats_of(wanted.at("out")), 1.3e-6, 1e-5) <= 1);
        if (wanted.contains("gradient")) check_gradient(bags, grad, wanted);
        if (optimizer_) REQUIRE(optimizer_->step(embedding_, bags, grad).message() == "ok");
        if (wanted.contains("after")) compare_rows(floats_of(wanted.at("after")));
    }

private:
    /// Rows of few bits then go on from the wanted ones, so that a number rounded to its other neighbour is not seen
    /// twice.
    void compare_rows(const Floats& wanted) {
        CHECK(distance(weight(), wanted, tolerance_of(table().format()), 1e-5) <= 1);
        if (table().format() == RowFormat::f32) return;
        const auto rows =
            Table::view("wanted", {.rows = table().rows(), .dim = table().dim()}, std::as_bytes(std::span(wanted)));
        REQUIRE(quantize_rows(*rows, table().format(), table().bytes()));
    }

    static EmbeddingBag make(const json& test) {
        const Floats rows = floats_of(test.at("weight"));
        TableShape shape = {.rows = test.at("rows"), .dim = test.at("dim")};
        if (!test.at("padding").is_null()) shape.padding_index = test.at("padding").get<std::int64_t>();
        const auto view = Table::view("weight", shape, std::as_bytes(std::span(rows)));
        EmbeddingOptions options = {.mode = pooling_of(test.at("mode")),
                                    .norm_type = std::stod(test.at("norm_type").get<std::string>()),
                                    .scale_grad_by_freq = test.at("scale_grad_by_freq"),
                                    .sparse = test.at("sparse")};
        if (!test.at("max_norm").is_null()) options.max_norm = test.at("max_norm").get<double>();
        const PretrainedOptions pretrained = {.format = parse_row_format(test.at("format").get<std::string>())};
        return *EmbeddingBag::create(*MutableTable::from_pretrained(*view, pretrained), options);
    }

    void check_gradient(const Bags& bags, const Floats& grad, const json& wanted) {
        Floats grad_weights(bags.weights().size());
        const auto gradient = embedding_.backward(bags, grad, grad_weights);
        REQUIRE(gradient.message() == "ok");
        Floats dense(table().rows() * table().dim());
        for (std::size_t i = 0; i < gradient->values.size(); ++i) {
            const std::size_t row = gradient->is_sparse ? gradient->rows[i / table().dim()] : i / table().dim();
            dense[row * table().dim() + i % table().dim()] = gradient->values[i];
        }
        CHECK(distance(dense, floats_of(wanted.at("gradient")), 1.3e-6, 5e-5) <= 1);
        if (wanted.contains("grad_weights")) {
            CHECK(distance(grad_weights, floats_of(wanted.at("grad_weights")), 1.3e-6, 5e-5) <= 1);
        }
    }

    EmbeddingBag embedding_;
    std::optional<Optimizer> optimizer_;
};

TEST_CASE("tables learn as in PyTorch") {
    const json cases = json::parse(std::ifstream(cases_path())).at("cases");
    REQUIRE(!cases.empty());
    for (const json& test : cases) {
        CAPTURE(test.at("name").get<std::string>());
        Learner learner(test);
        for (const json& step : test.at("steps")) learner.step(step);
    }
    MESSAGE(cases.size(), " cases");
}

}  // namespace
}  // namespace rowpool::train::test
