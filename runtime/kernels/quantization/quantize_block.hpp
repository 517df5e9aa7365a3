// Quantizes rows by greedy and search: finds scale and bias for a block of rows, one row per lane, then codes each row.
#pragma once

#include <cstddef>

#include "core/row_layout.hpp"
#include "kernels/quantization/coding_search.hpp"
#include "kernels/quantization/greedy_range.hpp"
#include "kernels/quantization/quantize_kernel.hpp"
#include "kernels/quantization/row_block.hpp"

namespace rowpool::kernels {
namespace {

/// Up to kLanes rows of a call. Unused lanes hold a copy of the first row.
class QuantizedBlock {
public:
    QuantizedBlock(const QuantizeArgs& args, std::size_t first, std::size_t count) noexcept
        : args_(args),
          first_(first),
          count_(count),
          bits_(element_bits(args.coding.format)),
          largest_(static_cast<float>((1u << bits_) - 1)),
          rows_{args.scratch, args.dim} {}

    /// Converts the rows; returns how many come before the first that the format cannot represent.
    std::size_t run() noexcept {
        const std::size_t held = take_min_max();
        if (held < count_) return held;
        for (std::size_t l = 0; l < kLanes; ++l) load(l);
        if (bits_ != 8) take_greedy();
        if (args_.coding.method == QuantizationMethod::search) take_search();
        for (std::size_t l = 0; l < count_; ++l) {
            const Coding coding = {chosen_.scale.at[l], chosen_.bias.at[l], chosen_.inverse.at[l], true};
            write_row(args_, coding, row(l), args_.out + (first_ + l) * args_.out_stride);
        }
        return count_;
    }

private:
    const std::byte* row(std::size_t lane) const noexcept {
        return args_.source + (first_ + (lane < count_ ? lane : 0)) * args_.source_stride;
    }

    void load(std::size_t lane) const noexcept {
        for_each_chunk(args_, row(lane), [&](std::size_t column, std::size_t count, float(&values)[kChunk]) {
            for (std::size_t i = 0; i < count; ++i) args_.scratch[(column + i) * kLanes + lane] = values[i];
        });
    }

    static void set(LaneCodings& codings, std::size_t lane, const Coding& coding) noexcept {
        codings.scale.at[lane] = coding.scale;
        codings.bias.at[lane] = coding.bias;
        codings.inverse.at[lane] = coding.inverse;
    }

    std::size_t take_min_max() noexcept {
        for (std::size_t l = 0; l < kLanes; ++l) {
            const Coding coding = min_max_coding(args_, row(l));
            if (!coding.finite) return l;
            set(chosen_, l, coding);
        }
        return count_;
    }

    /// The coding that PyTorch stores, better or not; for search, a candidate.
    void take_greedy() noexcept {
        const LaneRanges ranges = GreedyWalk(rows_, largest_).run();
        LaneCodings greedy;
        for (std::size_t l = 0; l < kLanes; ++l) {
            set(greedy, l, coding_f16(ranges.min.at[l], ranges.max.at[l], bits_));
        }
        if (args_.coding.method == QuantizationMethod::greedy) {
            chosen_ = greedy;
        } else {
            keep_better(greedy);
        }
    }

    void take_search() noexcept {
        const LaneRanges ranges = extremes_of(rows_);
        const bool halves = args_.coding.format != RowFormat::int8;
        const Params found =
            CodingSearch(rows_, bits_, halves).run(ranges.min, ranges.max, {chosen_.scale, chosen_.bias});
        LaneCodings searched = {found.scale, found.bias, {}};
        for (std::size_t l = 0; l < kLanes; ++l) searched.inverse.at[l] = 1.0f / found.scale.at[l];
        keep_better(searched);
    }

    /// Chooses `other` in the lanes where it has the smaller squared error. A NaN is not smaller.
    void keep_better(const LaneCodings& other) noexcept {
        const SquaredErrors now = squared_errors(rows_, chosen_, largest_);
        const SquaredErrors then = squared_errors(rows_, other, largest_);
        for (std::size_t l = 0; l < kLanes; ++l) {
            if (!(then.at[l] < now.at[l])) continue;
            chosen_.scale.at[l] = other.scale.at[l];
            chosen_.bias.at[l] = other.bias.at[l];
            chosen_.inverse.at[l] = other.inverse.at[l];
        }
    }

    const QuantizeArgs& args_;
    std::size_t first_;
    std::size_t count_;
    std::size_t bits_;
    float largest_;
    RowBlock rows_;
    LaneCodings chosen_;
};

}  // namespace
}  // namespace rowpool::kernels
