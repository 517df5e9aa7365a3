// Lookups in tables that learn: forward with max_norm, and backward.
#include "rowpool_train/embedding.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "support/boundary.hpp"
#include "support/norms.hpp"
#include "training/active_kernels.hpp"
#include "training/gradients.hpp"
#include "training/lookups.hpp"
#include "training/loops.hpp"
#include "training/table_state.hpp"

namespace rowpool::train {
namespace {

/// Lookups that are worth a part of a loop over rows.
constexpr std::size_t kLeastLookups = 512;

/// Scales each row that is looked up, and larger than max_norm, down to it.
void renormalise(const EmbeddingBag& embedding, const Bags& bags, const Loops& loops) {
    TableAccess::State& state = TableAccess::state(embedding.table());
    const EmbeddingOptions& options = embedding.options();
    const kernels::Rows rows = state.rows();
    const SortedLookups sorted =
        sort_lookups(bags, BagBounds(bags), state.options.num_embeddings, std::nullopt, Places::bags, loops);
    const auto scale = [&](std::size_t begin, std::size_t end, float* buffer) {
        const std::span values(buffer, rows.dim);
        for (std::size_t i = next_row(sorted.lookups, begin); i < end; i = next_row(sorted.lookups, i + 1)) {
            const std::size_t row = kernels::row_of(sorted.lookups[i]);
            active_kernels()->load_row(rows, row, values.data());
            if (!support::renorm(values, *options.max_norm, options.norm_type)) continue;
            active_kernels()->store_row(rows, row, values.data());
            state.touch(row);
        }
    };
    loops.for_parts_with(rows.dim, sorted.lookups.size(), kLeastLookups, scale);
}

/// The gradient of each weight: the product of the bag's gradient and the row.
void find_weight_gradients(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad,
                           std::span<float> out, const Loops& loops) {
    const kernels::Rows rows = TableAccess::state(embedding.table()).rows();
    const BagBounds bounds(bags);
    const auto padding = embedding.table().padding_idx();
    const auto find = [&](std::size_t first, std::size_t last, float* row) {
        for (std::size_t bag = first; bag < last; ++bag) {
            for (std::size_t i = bounds.begin(bag); i < bounds.end(bag); ++i) {
                const std::int64_t index = bags.indices()[i];
                out[i] = 0;
                if (index == padding) continue;
                active_kernels()->load_row(rows, static_cast<std::size_t>(index), row);
                out[i] = active_kernels()->dot(grad.data() + bag * rows.dim, row, rows.dim);
            }
        }
    };
    loops.for_parts_with(rows.dim, bounds.count(), kLeastLookups, find);
}

/// A gradient for all rows.
Gradient dense_gradient(const CallTerms& call, std::size_t rows, const Loops& loops) {
    const std::size_t dim = call.terms().dim;
    Gradient gradient;
    gradient.values.resize(rows * dim);
    const std::span<const Lookup> lookups = call.lookups();
    loops.for_parts(lookups.size(), kLeastLookups, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = next_row(lookups, begin); i < end;) {
            const std::size_t next = next_row(lookups, i + 1);
            float* const out = gradient.values.data() + kernels::row_of(lookups[i]) * dim;
            active_kernels()->sum_terms(call.terms(), lookups.data() + i, next - i, out);
            i = next;
        }
    });
    return gradient;
}

/// A gradient for the rows that were looked up.
Gradient sparse_gradient(const CallTerms& call, const Loops& loops) {
    const std::size_t dim = call.terms().dim;
    const std::span<const Lookup> lookups = call.lookups();
    std::vector<std::size_t> begins;
    Gradient gradient = {.is_sparse = true};
    for (std::size_t i = 0; i < lookups.size(); i = next_row(lookups, i + 1)) {
        begins.push_back(i);
        gradient.rows.push_back(kernels::row_of(lookups[i]));
    }
    begins.push_back(lookups.size());
    gradient.values.resize(gradient.rows.size() * dim);
    loops.for_parts(gradient.rows.size(), kLeastLookups, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            active_kernels()->sum_terms(call.terms(), lookups.data() + begins[r], begins[r + 1] - begins[r],
                                        gradient.values.data() + r * dim);
        }
    });
    return gradient;
}

}  // namespace

Result<EmbeddingBag> EmbeddingBag::create(const MutableTable& table, const EmbeddingOptions& options) {
    return support::without_exceptions([&]() -> Result<EmbeddingBag> {
        const Pooling modes[] = {Pooling::none, Pooling::sum, Pooling::mean, Pooling::max};
        if (std::ranges::find(modes, options.mode) == std::end(modes)) {
            return invalid("a table learns with mode none, sum, mean or max only");
        }
        if (options.max_norm && !(*options.max_norm >= 0 && std::isfinite(*options.max_norm))) {
            return invalid("max_norm " + std::to_string(*options.max_norm) + " is below 0 or not finite");
        }
        if (std::isnan(options.norm_type)) return invalid("norm_type is not a number");
        if (options.mode == Pooling::max && options.scale_grad_by_freq) {
            return invalid("mode max does not support scale_grad_by_freq");
        }
        if (options.mode == Pooling::max && options.sparse)
            return invalid("mode max does not support sparse gradients");
        if (options.sparse && options.scale_grad_by_freq) {
            return invalid("scale_grad_by_freq is not supported with sparse gradients");
        }
        return EmbeddingBag(table, options);
    });
}

Status EmbeddingBag::forward(const Bags& bags, const Output& out, const Workers& workers) {
    return support::without_exceptions([&]() -> Status {
        const Loops loops(workers);
        const Table table = table_.view();
        const PoolOptions options = {.mode = options_.mode};
        if (Status weights = check_weights(*this, bags); !weights) return weights;
        if (options_.max_norm) {  // what pool() refuses must be known before rows change
            if (Status size = check_size(bags); !size) return size;
            if (Status fits = check(table, bags, options, out); !fits) return fits;
            renormalise(*this, bags, loops);
        }
        return loops.engine() != nullptr ? loops.engine()->pool(table, bags, options, out)
                                         : pool(table, bags, options, out);
    });
}

Result<Gradient> EmbeddingBag::backward(const Bags& bags, std::span<const float> grad, std::span<float> grad_weights,
                                        const Workers& workers) const {
    return support::without_exceptions([&]() -> Result<Gradient> {
        const Loops loops(workers);
        if (const Status checked = check_backward(*this, bags, grad, loops); !checked) return checked.error();
        if (!grad_weights.empty() && options_.mode != Pooling::sum) return invalid("weights go with mode sum only");
        if (!grad_weights.empty() && grad_weights.size() != bags.indices().size()) {
            return invalid(std::to_string(grad_weights.size()) + " gradients of weights for " +
                           std::to_string(bags.indices().size()) + " indices");
        }
        const CallTerms call(*this, bags, grad, loops);
        Gradient gradient = options_.sparse ? sparse_gradient(call, loops) : dense_gradient(call, table_.rows(), loops);
        if (!grad_weights.empty()) find_weight_gradients(*this, bags, grad, grad_weights, loops);
        return gradient;
    });
}

}  // namespace rowpool::train
