// The kernels of training give the same bits on all instruction sets that run here.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "rowpool/isa.hpp"
#include "tests/support/random.hpp"
#include "tests/support/reference.hpp"
#include "training/active_kernels.hpp"
#include "training/kernels/training_kernels.hpp"

namespace rowpool::train::kernels {
namespace {

using rowpool::test::Random;
using Floats = std::vector<float>;

/// Those that run here; generic, which has no vectors of its own, comes last.
std::vector<const TrainingKernels*> runnable() {
    std::vector<const TrainingKernels*> found;
    for (const TrainingKernels* table : compiled_training_kernels()) {
        if (std::ranges::count(runnable_isas(), std::string_view(table->isa)) > 0) found.push_back(table);
    }
    REQUIRE(!found.empty());
    return found;
}

Floats random_floats(Random& random, std::size_t count, float size = 1) {
    Floats values(count);
    for (float& value : values) value = random.uniform(-size, size);
    return values;
}

bool same(const std::vector<std::byte>& a, const std::vector<std::byte>& b) { return a == b; }

/// Everything that a step changes.
struct Outcome {
    std::vector<std::byte> rows;
    Floats first, second, gradient;
    bool operator==(const Outcome& other) const {
        const auto equal = [](const Floats& a, const Floats& b) {
            return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
        };
        return same(rows, other.rows) && equal(first, other.first) && equal(second, other.second) &&
               equal(gradient, other.gradient);
    }
};

struct Shape {
    std::size_t dim;
    RowFormat format;
    Rule rule;
    bool is_stochastic, is_dense;
};

Outcome run(const TrainingKernels& kernels, const Shape& shape, std::uint64_t seed) {
    constexpr std::size_t kRows = 6, kBags = 4;
    Random random(seed);
    const std::size_t bytes = shape.dim * (shape.format == RowFormat::f32 ? 4 : 2);
    Outcome out = {std::vector<std::byte>(kRows * bytes), {}, {}, Floats(shape.dim)};
    out.first = random_floats(random, kRows * shape.dim);
    out.second = random_floats(random, kRows * shape.dim);
    for (float& value : out.first) value = std::abs(value);
    for (float& value : out.second) value = std::abs(value);
    Rows rows = {out.rows.data(), shape.dim, shape.format};
    for (std::size_t r = 0; r < kRows; ++r) kernels.store_row(rows, r, random_floats(random, shape.dim).data());
    rows.rounds_stochastically = shape.is_stochastic;
    rows.rounding_key = seed;
    const Floats grads = random_floats(random, kBags * shape.dim), factors = random_floats(random, kBags);
    const Terms terms = {
        .grads = grads.data(), .dim = shape.dim, .bag_factors = factors.data(), .divides_by_count = true};
    const std::vector<Lookup> lookups = {0ull << 32 | 1, 2ull << 32 | 0, 2ull << 32 | 3, 5ull << 32 | 2};
    kernels.sum_terms(terms, lookups.data() + 1, 2, out.gradient.data());
    const Update update = {.rule = shape.rule,
                           .rate = 0.1f,
                           .weight_decay = 0.01f,
                           .eps = 1e-6f,
                           .momentum = 0.9f,
                           .mean_share = 0.1f,
                           .square_share = 0.01f,
                           .first = out.first.data(),
                           .second = out.second.data()};
    Floats buffer(2 * shape.dim);
    if (shape.is_dense) {
        kernels.update_all(rows, update, terms, lookups.data(), lookups.size(), 0, kRows, buffer.data());
    } else {
        kernels.update_looked_up(rows, update, terms, lookups.data(), lookups.size(), buffer.data());
    }
    return out;
}

TEST_CASE("updates have the same bits on every instruction set") {
    const auto kernels = runnable();
    std::size_t compared = 0;
    for (std::size_t dim : {1u, 2u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 100u, 127u, 300u}) {
        for (const RowFormat format : {RowFormat::f32, RowFormat::f16, RowFormat::bf16}) {
            for (const Rule rule : {Rule::sgd, Rule::adagrad, Rule::row_wise_adagrad, Rule::sparse_adam}) {
                for (const int options : {0, 1, 2, 3}) {
                    const Shape shape = {dim, format, rule, options % 2 != 0, options / 2 != 0};
                    const Outcome wanted = run(*kernels.back(), shape, dim);
                    for (const TrainingKernels* table : kernels) CHECK(run(*table, shape, dim) == wanted);
                    ++compared;
                }
            }
        }
    }
    MESSAGE(compared, " shapes on ", kernels.size(), " instruction sets");
}

TEST_CASE("the first value that is not finite is found") {
    for (const TrainingKernels* kernels : runnable()) {
        for (const std::size_t count : {0u, 1u, 5u, 1023u, 1024u, 1025u, 3000u}) {
            Floats values(count, std::numeric_limits<float>::max());
            CHECK(kernels->find_non_finite(values.data(), count) == count);
            for (std::size_t at = 0; at < count; at += 1 + count / 7) {
                Floats bad = values;
                bad[at] = at % 2 == 0 ? NAN : -INFINITY;
                bad.back() = INFINITY;
                CHECK(kernels->find_non_finite(bad.data(), count) == at);
            }
        }
    }
}

TEST_CASE("halves are rounded to nearest, or by chance so that the mean is exact") {
    for (const TrainingKernels* kernels : runnable()) {
        for (const RowFormat format : {RowFormat::f16, RowFormat::bf16}) {
            for (const float value : {0.1f, -3.7f, 1e-5f, -6e-8f, 1000.3f}) {
                constexpr std::size_t kDim = 4096;
                const Floats values(kDim, value);
                std::vector<std::uint16_t> row(kDim);
                Floats back(kDim);
                Rows rows = {reinterpret_cast<std::byte*>(row.data()), kDim, format};
                kernels->store_row(rows, 0, values.data());
                CHECK(row[0] == (format == RowFormat::f16 ? test::encode_f16(value) : test::encode_bf16(value)));
                rows.rounds_stochastically = true;
                kernels->store_row(rows, 0, values.data());
                kernels->load_row(rows, 0, back.data());
                double mean = 0, spacing = 0;
                for (const float decoded : back) {
                    mean += double{decoded} / kDim;
                    spacing = std::max(spacing, std::abs(double{decoded} - double{value}));
                }
                CHECK(spacing <= std::max(6e-8, std::abs(value) * (format == RowFormat::f16 ? 0x1p-10 : 0x1p-7)));
                CHECK(std::abs(mean - double{value}) < spacing * 0.05);  // three standard deviations of the mean
            }
            constexpr std::size_t kDim = 5;
            const Floats special = {0, -0.0f, INFINITY, -INFINITY, NAN};
            std::vector<std::uint16_t> row(kDim), nearest(kDim);
            Rows rows = {reinterpret_cast<std::byte*>(row.data()), kDim, format, true};
            kernels->store_row(rows, 0, special.data());
            kernels->store_row({reinterpret_cast<std::byte*>(nearest.data()), kDim, format}, 0, special.data());
            CHECK(row == nearest);
        }
    }
}

}  // namespace
}  // namespace rowpool::train::kernels
