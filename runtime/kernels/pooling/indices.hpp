// Iterates over checked indices and bag ends. Checked values fit in 32 bits, so that reading their lower halves serves
// int32 and int64 alike with one loop (little-endian).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

inline std::uint32_t lower_half(const std::byte* p) noexcept {
    std::uint32_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

/// Reads the indices of a call from a position on, and for each the index of the row to prefetch.
class IndexReader {
public:
    IndexReader(const PoolArgs& args, std::size_t position) noexcept
        : step_(args.wide_indices ? 8 : 4), distance_(args.rows.prefetch.distance * step_) {
        const auto* const indices = static_cast<const std::byte*>(args.indices);
        next_ = indices + position * step_;
        last_ = args.prefetch_end == 0 ? next_ : indices + (args.prefetch_end - 1) * step_;
    }

    [[gnu::always_inline]] std::size_t next() noexcept {
        const std::size_t index = lower_half(next_);
        next_ += step_;
        return index;
    }

    /// The index at the prefetch distance after the next one, or else the last index before prefetch_end.
    [[gnu::always_inline]] std::size_t later() const noexcept {
        const std::byte* const later = next_ + distance_;
        return lower_half(later < last_ ? later : last_);
    }

    /// The address one past the next `count` indices.
    const std::byte* end_of(std::size_t count) const noexcept { return next_ + count * step_; }
    bool is_at(const std::byte* end) const noexcept { return next_ == end; }

private:
    std::size_t step_;
    std::size_t distance_;
    const std::byte* next_;
    const std::byte* last_;
};

/// Reads the lengths of bags without branching on the kind of bags: the end of a bag is its offset, or its begin plus
/// its length. Fixed bags are read as a list of one length, with step 0.
class EndReader {
public:
    explicit EndReader(const PoolArgs& args) noexcept
        : added_(args.ends.kind == BagEnds::Kind::offsets ? 0 : ~std::uint32_t{0}) {
        const bool is_list = args.ends.kind != BagEnds::Kind::fixed;
        step_ = !is_list ? 0 : args.ends.wide ? 8 : 4;
        next_ = is_list ? static_cast<const std::byte*>(args.ends.values) + args.first_bag * step_
                        : reinterpret_cast<const std::byte*>(&args.ends.length);
    }

    /// The length of the next bag, which begins at `begin`.
    [[gnu::always_inline]] std::size_t length(std::size_t begin) noexcept {
        const auto from = static_cast<std::uint32_t>(begin);
        const std::uint32_t end = lower_half(next_) + (from & added_);
        next_ += step_;
        return end - from;
    }

private:
    const std::byte* next_;
    std::size_t step_;
    std::uint32_t added_;
};

/// The initial value of sums. A plain lookup of a float row starts at -0, because -0 + x is x for every x: the sign of
/// zeros is kept.
inline float start_of_sums(const PoolArgs& args, bool is_coded) noexcept {
    return args.pooling == Pooling::none && !is_coded ? -0.0f : 0.0f;
}

}  // namespace
}  // namespace rowpool::kernels
