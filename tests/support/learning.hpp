// Random calls of training, and what they must give, by plain loops in double precision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "rowpool_train/rowpool_train.hpp"
#include "tests/support/random.hpp"

namespace rowpool::test {

/// Bags with their buffers.
struct LearningBags {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> offsets;
    std::vector<float> weights;

    Bags bags(Pooling mode) const {
        return mode == Pooling::none ? Bags::rows(indices) : Bags(indices, offsets, weights);
    }
    std::size_t num_bags() const { return offsets.size() - 1; }
};

/// Bags of up to `longest` indices below `rows`, some of them empty; of one each for plain lookups.
inline LearningBags random_bags(Random& random, std::size_t bags, std::size_t longest, std::size_t rows, Pooling mode,
                                bool is_weighted = false) {
    LearningBags made;
    made.offsets.push_back(0);
    for (std::size_t bag = 0; bag < bags; ++bag) {
        const std::size_t length = mode == Pooling::none ? 1 : random.below(longest + 1);
        for (std::size_t i = 0; i < length; ++i) {
            made.indices.push_back(static_cast<std::int64_t>(random.below(rows)));
            if (is_weighted) made.weights.push_back(random.uniform(-2, 2));
        }
        made.offsets.push_back(static_cast<std::int64_t>(made.indices.size()));
    }
    return made;
}

inline std::vector<float> random_floats(Random& random, std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = random.uniform(-1, 1);
    return values;
}

/// The rows of an f32 table.
inline std::vector<float> rows_of(const train::MutableTable& table) {
    std::vector<float> rows(table.rows() * table.dim());
    if (!rows.empty()) std::memcpy(rows.data(), table.bytes().data(), table.bytes().size());
    return rows;
}

/// The gradient of all rows, by the definition.
inline std::vector<double> reference_gradient(const train::EmbeddingBag& embedding, const LearningBags& bags,
                                              const std::vector<float>& grad) {
    const train::MutableTable& table = embedding.table();
    const std::size_t dim = table.dim();
    const std::vector<float> rows = rows_of(table);
    const Pooling mode = embedding.options().mode;
    const auto padding = table.padding_idx().value_or(-1);
    std::vector<double> gradient(rows.size());
    std::vector<double> counts(table.rows());
    for (const std::int64_t index : bags.indices) ++counts[static_cast<std::size_t>(index)];
    for (std::size_t bag = 0; bag < bags.num_bags(); ++bag) {
        std::vector<std::size_t> taken;
        for (auto i = static_cast<std::size_t>(bags.offsets[bag]); i < static_cast<std::size_t>(bags.offsets[bag + 1]);
             ++i) {
            if (bags.indices[i] != padding) taken.push_back(i);
        }
        for (std::size_t d = 0; d < dim; ++d) {
            std::optional<std::size_t> winner;
            const auto value = [&](std::size_t i) { return rows[static_cast<std::size_t>(bags.indices[i]) * dim + d]; };
            for (const std::size_t i : taken) {
                if (!winner || value(i) > value(*winner)) winner = i;
            }
            for (const std::size_t i : taken) {
                if (mode == Pooling::max && i != *winner) continue;
                const auto row = static_cast<std::size_t>(bags.indices[i]);
                double term = grad[bag * dim + d];
                if (!bags.weights.empty()) term *= bags.weights[i];
                if (mode == Pooling::mean) term /= static_cast<double>(taken.size());
                if (embedding.options().scale_grad_by_freq) term /= counts[row];
                gradient[row * dim + d] += term;
            }
        }
    }
    return gradient;
}

}  // namespace rowpool::test
