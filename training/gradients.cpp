// Checks calls of backward, and finds what the gradient of each lookup is multiplied with.
#include "training/gradients.hpp"

#include <algorithm>
#include <string>

#include "rowpool/pool.hpp"
#include "support/parallel.hpp"
#include "training/active_kernels.hpp"
#include "training/table_state.hpp"

namespace rowpool::train {
namespace {

/// Values that are worth a part of a loop that reads them.
constexpr std::size_t kLeastValues = 64 << 10;
/// Values of rows that are worth one.
constexpr std::size_t kLeastRowValues = 16 << 10;
/// Bags that are worth one.
constexpr std::size_t kLeastBags = 1024;

std::size_t bag_at(const BagBounds& bounds, std::size_t position) noexcept {
    std::size_t bag = 0;
    while (bounds.end(bag) <= position) ++bag;
    return bag;
}

/// Whether places are positions: something goes by index, and not by bag.
Places places_of(const Bags& bags, Pooling mode) noexcept {
    return !bags.weights().empty() || mode == Pooling::max ? Places::positions : Places::bags;
}

}  // namespace

Status check_weights(const EmbeddingBag& embedding, const Bags& bags) {
    const Pooling mode = embedding.options().mode;
    if (bags.weights().empty() || mode == Pooling::sum) return {};
    return invalid("weights go with mode sum only when a table learns, not with " + std::string(to_string(mode)));
}

Status check_finite(std::span<const float> values, const Loops& loops,
                    const std::function<std::string(std::size_t position)>& what) {
    support::Smallest first;
    loops.for_parts(values.size(), kLeastValues, [&](std::size_t begin, std::size_t end) {
        const std::size_t found = active_kernels()->find_non_finite(values.data() + begin, end - begin);
        if (found != end - begin) first.note(begin + found);
    });
    if (first.get() == support::Smallest::kNone) return {};
    return invalid(what(first.get()) + " is " + std::to_string(values[first.get()]));
}

Status check_backward(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad,
                      const Loops& loops) {
    if (embedding.options().frozen) return invalid("a frozen embedding has no gradients");
    if (Status size = check_size(bags); !size) return size;
    if (Status weights = check_weights(embedding, bags); !weights) return weights;
    Status checked = check(embedding.table().view(), bags, {.mode = embedding.options().mode});
    if (!checked) return checked;
    const std::size_t dim = embedding.table().dim();
    if (grad.size() != bags.num_bags() * dim) {
        return invalid("a gradient of " + std::to_string(grad.size()) + " values, where " +
                       std::to_string(bags.num_bags()) + " bags of " + std::to_string(dim) + " columns have " +
                       std::to_string(bags.num_bags() * dim));
    }
    Status finite = check_finite(grad, loops, [&](std::size_t at) {
        return "the gradient of bag " + std::to_string(at / dim) + ", column " + std::to_string(at % dim);
    });
    if (!finite) return finite;
    return check_finite(bags.weights(), loops, [&](std::size_t at) {
        return "the weight of bag " + std::to_string(bag_at(BagBounds(bags), at)) + ", position " + std::to_string(at);
    });
}

CallTerms::CallTerms(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad, const Loops& loops) {
    const MutableTable& table = embedding.table();
    const Pooling mode = embedding.options().mode;
    const BagBounds bounds(bags);
    const Places places = places_of(bags, mode);
    // A plain lookup returns the padding row, but the row does not learn.
    sorted_ = sort_lookups(bags, bounds, table.rows(), table.padding_idx(), places, loops);
    terms_.grads = grad.data();
    terms_.dim = table.dim();
    terms_.divides_by_count = embedding.options().scale_grad_by_freq;
    if (places == Places::positions) number_bags(bounds, bags.indices().size(), loops);
    if (!bags.weights().empty()) terms_.weights = bags.weights().data();
    if (mode == Pooling::mean) find_factors(bags.indices(), bounds, table.padding_idx().value_or(-1), loops);
    if (mode == Pooling::max) find_winners(table, bags.indices(), bounds, loops);
}

void CallTerms::number_bags(const BagBounds& bounds, std::size_t indices, const Loops& loops) {
    bags_.resize(indices);
    loops.for_parts(bounds.count(), kLeastBags, [&](std::size_t first, std::size_t last) {
        for (std::size_t bag = first; bag < last; ++bag) {
            std::fill(bags_.data() + bounds.begin(bag), bags_.data() + bounds.end(bag),
                      static_cast<std::uint32_t>(bag));
        }
    });
    terms_.bags = bags_.data();
}

/// mean divides by the number of indices that are not padding.
void CallTerms::find_factors(IndexSpan indices, const BagBounds& bounds, std::int64_t padding, const Loops& loops) {
    bag_factors_.resize(bounds.count());
    loops.for_parts(bounds.count(), kLeastBags, [&](std::size_t first, std::size_t last) {
        for (std::size_t bag = first; bag < last; ++bag) {
            std::size_t pooled = bounds.end(bag) - bounds.begin(bag);
            for (std::size_t i = bounds.begin(bag); padding >= 0 && i < bounds.end(bag); ++i) {
                if (indices[i] == padding) --pooled;
            }
            bag_factors_[bag] = 1.0f / static_cast<float>(std::max<std::size_t>(pooled, 1));
        }
    });
    terms_.bag_factors = bag_factors_.data();
}

/// The position of the first of the largest values in each column of each bag. The first row that is not padding
/// begins; NaN is not larger than anything (at::native::embedding_bag_cpu_max_out).
void CallTerms::find_winners(const MutableTable& table, IndexSpan indices, const BagBounds& bounds,
                             const Loops& loops) {
    const std::size_t dim = terms_.dim;
    const kernels::Rows rows = TableAccess::state(table).rows();
    const std::int64_t padding = table.padding_idx().value_or(-1);
    winners_.assign(bounds.count() * dim, UINT32_MAX);
    const auto find = [&](std::size_t first, std::size_t last, float* row) {
        float* const best = row + dim;
        for (std::size_t bag = first; bag < last; ++bag) {
            std::uint32_t* const winners = winners_.data() + bag * dim;
            for (std::size_t i = bounds.begin(bag); i < bounds.end(bag); ++i) {
                if (indices[i] == padding) continue;
                active_kernels()->load_row(rows, static_cast<std::size_t>(indices[i]), row);
                const bool is_first = winners[0] == UINT32_MAX;
                for (std::size_t d = 0; d < dim; ++d) {
                    if (!is_first && !(row[d] > best[d])) continue;
                    best[d] = row[d];
                    winners[d] = static_cast<std::uint32_t>(i);
                }
            }
        }
    };
    loops.for_parts_with(2 * dim, bounds.count(), kLeastRowValues / dim, find);
    terms_.winners = winners_.data();
}

}  // namespace rowpool::train
