// Walking indices and bags that have been checked, by the lower halves of their numbers: one loop for 32 and 64 bits.
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

/// The indices of a call from a position on, and those that are so far ahead that their rows are to be prefetched.
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

    /// The index at the distance from the next one, or the last one that may be looked at.
    [[gnu::always_inline]] std::size_t later() const noexcept {
        const std::byte* const later = next_ + distance_;
        return lower_half(later < last_ ? later : last_);
    }

    /// Where the next `count` indices end.
    const std::byte* end_of(std::size_t count) const noexcept { return next_ + count * step_; }
    bool is_at(const std::byte* end) const noexcept { return next_ == end; }

private:
    std::size_t step_;
    std::size_t distance_;
    const std::byte* next_;
    const std::byte* last_;
};

/// Where bags end, without a branch: offsets, or lengths that are added to where a bag begins. The length of all bags
/// is a list of one.
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

/// What sums begin with. The sum of a minus zero and any number is that number: a plain lookup keeps the sign of zeros.
inline float start_of_sums(const PoolArgs& args, bool is_coded) noexcept {
    return args.pooling == Pooling::none && !is_coded ? -0.0f : 0.0f;
}

}  // namespace
}  // namespace rowpool::kernels
