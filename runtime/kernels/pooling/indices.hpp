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

/// Reads the indices of a call from a position on, and the indices ahead whose rows are prefetched.
class IndexReader {
public:
    IndexReader(const PoolArgs& args, std::size_t position) noexcept
        : step_(args.wide_indices ? 8 : 4), distance_(args.rows.prefetch.distance * step_) {
        const auto* const indices = static_cast<const std::byte*>(args.indices);
        const std::size_t distance = args.rows.prefetch.distance;
        next_ = indices + position * step_;
        end_of_later_ = indices + (args.prefetch_end > distance ? args.prefetch_end - distance : 0) * step_;
    }

    [[gnu::always_inline]] std::size_t next() noexcept {
        const std::size_t index = lower_half(next_);
        next_ += step_;
        return index;
    }

    /// Whether there are indices at the prefetch distance after each of the next `count`, at least one. It changes once
    /// a call, so that a branch on it costs less than a choice of addresses.
    [[gnu::always_inline]] bool has_later(std::size_t count = 1) const noexcept {
        return next_ + (count - 1) * step_ < end_of_later_;
    }
    [[gnu::always_inline]] std::size_t later() const noexcept { return later_at(0); }

    /// The index i after the next one, and what is at the prefetch distance after it.
    [[gnu::always_inline]] std::size_t at(std::size_t i) const noexcept { return lower_half(next_ + i * step_); }
    [[gnu::always_inline]] std::size_t later_at(std::size_t i) const noexcept {
        return lower_half(next_ + i * step_ + distance_);
    }
    void move_to(const std::byte* place) noexcept { next_ = place; }

    /// The address of the next index, and of the index i after it.
    const std::byte* place() const noexcept { return next_; }
    const std::byte* place_of(std::size_t i) const noexcept { return next_ + i * step_; }
    /// The number of indices from `place` to the next one.
    std::size_t count(const std::byte* place) const noexcept { return count(place, next_); }
    /// The number of indices from `place` to `end`.
    std::size_t count(const std::byte* place, const std::byte* end) const noexcept {
        return static_cast<std::size_t>(end - place) >> (step_ / 4 + 1);
    }
    /// The position of the next index.
    std::size_t position(const PoolArgs& args) const noexcept {
        return count(static_cast<const std::byte*>(args.indices));
    }

private:
    std::size_t step_;
    std::size_t distance_;
    const std::byte* next_;
    const std::byte* end_of_later_;  ///< one past the indices that have one at the prefetch distance
};

/// Reads where a call's bags end, as addresses of indices. An offset is counted from the first index of all, a length
/// from where its bag begins.
class EndReader {
public:
    EndReader(const PoolArgs& args, std::size_t first_bag) noexcept : index_step_(args.wide_indices ? 8 : 4) {
        const auto* const indices = static_cast<const std::byte*>(args.indices);
        const auto* const values = static_cast<const std::byte*>(args.ends.values);
        const bool is_list = args.ends.kind != BagEnds::Kind::fixed;
        fixed_ = is_list ? kNotFixed : static_cast<std::ptrdiff_t>(args.ends.length * index_step_);
        step_ = args.ends.wide ? 8 : 4;
        next_ = is_list ? values + first_bag * step_ : nullptr;
        origin_ = args.ends.kind == BagEnds::Kind::offsets ? indices : nullptr;
        end_ = indices + args.end * index_step_;
    }

    /// The end of the next bag, which begins at `begin`. The very last one may have no entry in the list.
    [[gnu::always_inline]] const std::byte* end(const std::byte* begin, bool is_last) noexcept {
        if (fixed_ >= 0) return begin + fixed_;
        if (is_last) return end_;
        const std::byte* const from = origin_ != nullptr ? origin_ : begin;
        const std::byte* const end = from + lower_half(next_) * index_step_;
        next_ += step_;
        return end;
    }

private:
    static constexpr std::ptrdiff_t kNotFixed = -1;

    std::ptrdiff_t fixed_;  ///< bytes of the indices of a bag if all have as many
    const std::byte* next_;
    std::size_t step_;
    const std::byte* origin_;  ///< null where ends are counted from the beginning of a bag
    std::size_t index_step_;
    const std::byte* end_;  ///< of the last bag
};

/// The initial value of sums. A plain lookup of a float row starts at -0, because -0 + x is x for every x: the sign of
/// zeros is kept.
inline float start_of_sums(const PoolArgs& args, bool is_coded) noexcept {
    return args.pooling == Pooling::none && !is_coded ? -0.0f : 0.0f;
}

}  // namespace
}  // namespace rowpool::kernels
