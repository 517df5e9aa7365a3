// Bags: which rows go into each output row.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <vector>

#include "rowpool/export.hpp"

namespace rowpool {

/// Whether R is a contiguous range of T: an array, a std::array, a span of elements that need not be const.
template <class R, class T>
concept RangeOf =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && std::same_as<std::ranges::range_value_t<R>, T>;

/// A span of int32 or int64 numbers that the caller owns; arguments of one call may mix the two types.
class IndexSpan {
public:
    IndexSpan() noexcept = default;
    IndexSpan(std::span<const std::int32_t> values) noexcept : data_(values.data()), size_(values.size()) {}
    IndexSpan(std::span<const std::int64_t> values) noexcept
        : data_(values.data()), size_(values.size()), wide_(true) {}
    IndexSpan(const std::vector<std::int32_t>& values ROWPOOL_VIEWED) noexcept : IndexSpan(std::span(values)) {}
    IndexSpan(const std::vector<std::int64_t>& values ROWPOOL_VIEWED) noexcept : IndexSpan(std::span(values)) {}
    template <RangeOf<std::int32_t> R>
    IndexSpan(const R& values ROWPOOL_VIEWED) noexcept
        : IndexSpan(std::span<const std::int32_t>(std::ranges::data(values), std::ranges::size(values))) {}
    template <RangeOf<std::int64_t> R>
    IndexSpan(const R& values ROWPOOL_VIEWED) noexcept
        : IndexSpan(std::span<const std::int64_t>(std::ranges::data(values), std::ranges::size(values))) {}

    const void* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    /// Whether the elements are int64.
    bool is_wide() const noexcept { return wide_; }

    std::int64_t operator[](std::size_t i) const noexcept {
        return wide_ ? static_cast<const std::int64_t*>(data_)[i] : static_cast<const std::int32_t*>(data_)[i];
    }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
    bool wide_ = false;
};

/// Indices and how they are cut into bags; a view of buffers that the caller owns and does not change during a call.
/// The call that takes the bags checks the contents of the buffers; nothing is checked here. Buffers may be temporaries
/// only where the Bags object is a temporary, too: `pool(table, Bags(make_indices(), make_offsets()), ...)`; clang
/// warns otherwise.
class Bags {
public:
    enum class Kind : std::uint8_t { offsets, starts, lengths, fixed };

    /// Bag b is indices[offsets[b] .. offsets[b + 1]): offsets has num_bags + 1 entries that never decrease, the first
    /// 0, the last indices.size() (nn.EmbeddingBag with include_last_offset=True; TorchRec; a CSR row pointer). Offsets
    /// of PyTorch's default form, without the final entry, are for starts(). Here they are refused, unless their last
    /// bag is empty: they then look like one bag fewer, and the output row of the last bag is left unchanged.
    Bags(IndexSpan indices ROWPOOL_VIEWED, IndexSpan offsets ROWPOOL_VIEWED,
         std::span<const float> weights ROWPOOL_VIEWED = {}) noexcept
        : Bags(Kind::offsets, indices, offsets, offsets.empty() ? 0 : offsets.size() - 1, 0, weights) {}

    /// As above without the final entry: offsets has num_bags entries and the last bag ends where the indices end (the
    /// default of nn.EmbeddingBag).
    static Bags starts(IndexSpan indices ROWPOOL_VIEWED, IndexSpan offsets ROWPOOL_VIEWED,
                       std::span<const float> weights ROWPOOL_VIEWED = {}) noexcept {
        return {Kind::starts, indices, offsets, offsets.size(), 0, weights};
    }

    /// Bag b has lengths[b] indices; the lengths add up to indices.size() (Caffe2 SparseLengthsSum, TorchRec lengths).
    static Bags lengths(IndexSpan indices ROWPOOL_VIEWED, IndexSpan lengths ROWPOOL_VIEWED,
                        std::span<const float> weights ROWPOOL_VIEWED = {}) noexcept {
        return {Kind::lengths, indices, lengths, lengths.size(), 0, weights};
    }

    /// num_bags bags of `length` indices each: a [num_bags, length] matrix of indices (nn.EmbeddingBag with 2-D input).
    static Bags fixed(IndexSpan indices ROWPOOL_VIEWED, std::size_t num_bags, std::size_t length,
                      std::span<const float> weights ROWPOOL_VIEWED = {}) noexcept {
        return {Kind::fixed, indices, {}, num_bags, length, weights};
    }

    /// One bag per index, for Pooling::none: indices of any shape, flattened.
    static Bags rows(IndexSpan indices ROWPOOL_VIEWED) noexcept { return fixed(indices, indices.size(), 1); }

    Kind kind() const noexcept { return kind_; }
    IndexSpan indices() const noexcept { return indices_; }
    /// Offsets, starts or lengths by kind(); empty for fixed bags.
    IndexSpan bounds() const noexcept { return bounds_; }
    std::size_t num_bags() const noexcept { return num_bags_; }
    /// Indices per bag of fixed bags.
    std::size_t length() const noexcept { return length_; }
    /// One per-sample weight per index (per_sample_weights of nn.EmbeddingBag), or empty: every row counts once.
    std::span<const float> weights() const noexcept { return weights_; }

private:
    Bags(Kind kind, IndexSpan indices, IndexSpan bounds, std::size_t num_bags, std::size_t length,
         std::span<const float> weights) noexcept
        : kind_(kind), indices_(indices), bounds_(bounds), num_bags_(num_bags), length_(length), weights_(weights) {}

    Kind kind_;
    IndexSpan indices_;
    IndexSpan bounds_;
    std::size_t num_bags_;
    std::size_t length_;
    std::span<const float> weights_;
};

}  // namespace rowpool
