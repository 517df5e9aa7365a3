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

    /// The position of the next index.
    std::size_t position(const PoolArgs& args) const noexcept {
        return static_cast<std::size_t>(next_ - static_cast<const std::byte*>(args.indices)) / step_;
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

/// Reads the lengths of a call's bags without branching on the kind of bags: the length of a bag is the difference of
/// two offsets, or the value that is read. Fixed bags are read as a list of one length, with step 0. No length depends
/// on those before it, because a chain of additions would take as long as a bag of one narrow row.
class EndReader {
public:
    explicit EndReader(const PoolArgs& args) noexcept
        : end_(reinterpret_cast<const std::byte*>(&args.end)), previous_(static_cast<std::uint32_t>(args.position)) {
        const bool is_list = args.ends.kind != BagEnds::Kind::fixed;
        const bool are_offsets = args.ends.kind == BagEnds::Kind::offsets;
        const auto* const values = static_cast<const std::byte*>(args.ends.values);
        step_ = !is_list ? 0 : args.ends.wide ? 8 : 4;
        next_ = is_list ? values + args.first_bag * step_ : reinterpret_cast<const std::byte*>(&args.ends.length);
        last_ = are_offsets && args.last_bag != 0 ? values + (args.last_bag - 1) * step_ : nullptr;
        subtracted_ = are_offsets ? ~std::uint32_t{0} : 0;
    }

    /// The length of the next bag.
    [[gnu::always_inline]] std::size_t length() noexcept {
        const std::uint32_t value = lower_half(next_ == last_ ? end_ : next_);
        const std::uint32_t length = value - (previous_ & subtracted_);
        previous_ = value;
        next_ += step_;
        return length;
    }

private:
    const std::byte* next_;
    const std::byte* last_;  ///< the very last offset may have no entry
    const std::byte* end_;   ///< what is read instead
    std::size_t step_;
    std::uint32_t subtracted_;  ///< a mask: what is subtracted of the previous value
    std::uint32_t previous_;
};

/// The initial value of sums. A plain lookup of a float row starts at -0, because -0 + x is x for every x: the sign of
/// zeros is kept.
inline float start_of_sums(const PoolArgs& args, bool is_coded) noexcept {
    return args.pooling == Pooling::none && !is_coded ? -0.0f : 0.0f;
}

}  // namespace
}  // namespace rowpool::kernels
