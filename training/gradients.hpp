// Gradients of a call: its checks, and the terms that the gradient of each row is summed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/status.hpp"
#include "rowpool_train/embedding.hpp"
#include "training/kernels/training_kernels.hpp"
#include "training/lookups.hpp"
#include "training/loops.hpp"

namespace rowpool::train {

inline Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

/// Checks that weights go with the mode of the embedding.
Status check_weights(const EmbeddingBag& embedding, const Bags& bags);

/// Checks a call of EmbeddingBag::backward().
Status check_backward(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad, const Loops& loops);

/// Whether all values are finite. Error: invalid_argument, "WHAT is nan", with what `what` calls the first that is not.
Status check_finite(std::span<const float> values, const Loops& loops,
                    const std::function<std::string(std::size_t position)>& what);

/// The terms of a checked call: a view of the caller's buffers, and what is reckoned from them.
class CallTerms {
public:
    CallTerms(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad, const Loops& loops);
    CallTerms(const CallTerms&) = delete;
    CallTerms& operator=(const CallTerms&) = delete;

    const kernels::Terms& terms() const noexcept { return terms_; }
    std::span<const Lookup> lookups() const noexcept { return sorted_.lookups; }

private:
    void number_bags(const BagBounds& bounds, std::size_t indices, const Loops& loops);
    void find_factors(IndexSpan indices, const BagBounds& bounds, std::int64_t padding, const Loops& loops);
    void find_winners(const MutableTable& table, IndexSpan indices, const BagBounds& bounds, const Loops& loops);

    SortedLookups sorted_;
    std::vector<std::uint32_t> bags_;
    std::vector<float> bag_factors_;
    std::vector<std::uint32_t> winners_;
    kernels::Terms terms_;
};

}  // namespace rowpool::train
