// The range that PyTorch's choose_qparams_optimized finds for a row (aten/src/ATen/native/quantized/cpu and
// .../native/quantized/QTensor.cpp, called by embedding_bag_{4bit,2bit}_prepack with optimized_qparams=True, n_bins 200
// and ratio 0.16), bit for bit: starting from the smallest and the largest value, the range shrinks by a step at a
// time, at the end where that loses less. The result is the best of the ranges whose next steps both lose more.
#pragma once

#include <cstddef>

#include "kernels/quantization/row_block.hpp"

namespace rowpool::kernels {
namespace {

constexpr float kGreedySteps = 200;
constexpr float kGreedyLeastSteps = 168;  ///< minimum width of the range in steps: 200 * (1 - 0.16)

struct LaneRanges {
    Lanes min;
    Lanes max;
};

/// Takes the first of equal values, which matters for the sign of zero.
inline LaneRanges extremes_of(const RowBlock& rows) noexcept {
    LaneRanges range;
    for (std::size_t l = 0; l < kLanes; ++l) range.min.at[l] = range.max.at[l] = rows.values[l];
    for (std::size_t d = 1; d < rows.dim; ++d) {
        for (std::size_t l = 0; l < kLanes; ++l) {
            const float x = rows.column(d)[l];
            range.min.at[l] = x < range.min.at[l] ? x : range.min.at[l];
            range.max.at[l] = x > range.max.at[l] ? x : range.max.at[l];
        }
    }
    return range;
}

/// The loss of coding with a range: the L2 norm of the error. NaN where scale or bias are infinite in f16.
inline void greedy_losses(const RowBlock& rows, const Lanes& min, const Lanes& max, float largest,
                          Lanes& loss) noexcept {
    LaneCodings coding;
    for (std::size_t l = 0; l < kLanes; ++l) {
        // As coding_f16(), except for a scale that rounds to zero.
        const float bias = rounded_to_f16(min.at[l]);
        const float range = max.at[l] - bias;
        const float scale = range == 0 ? 1.0f : rounded_to_f16(range / largest);
        coding.bias.at[l] = bias;
        coding.scale.at[l] = scale;
        coding.inverse.at[l] = scale == 0 ? 1.0f : 1.0f / scale;
    }
    for (std::size_t l = 0; l < kLanes; l += kWidth) {
        const Vector scale = load_lanes(coding.scale.at + l);
        const Vector bias = load_lanes(coding.bias.at + l);
        const Vector inverse = load_lanes(coding.inverse.at + l);
        const Vector most = Vector{} + largest;
        Vector sum = {};
        for (std::size_t d = 0; d < rows.dim; ++d) {
            const Vector x = load_lanes(rows.column(d) + l);
            const Vector error = residual(x, code_of(x, bias, inverse, most), scale, bias);
            sum += error * error;
        }
        store_lanes(loss.at + l, sum);
    }
    for (float& norm : loss.at) norm = __builtin_sqrtf(norm);
}

/// The walks of all rows of a block.
class GreedyWalk {
public:
    GreedyWalk(const RowBlock& rows, float largest) noexcept
        : rows_(rows), largest_(largest), best_(extremes_of(rows)), now_(best_) {
        greedy_losses(rows_, now_.min, now_.max, largest_, loss_);
        best_loss_ = loss_;
        for (std::size_t l = 0; l < kLanes; ++l) step_.at[l] = (now_.max.at[l] - now_.min.at[l]) / kGreedySteps;
    }

    LaneRanges run() noexcept {
        while (any_walks()) {
            for (std::size_t l = 0; l < kLanes; ++l) {
                next_.min.at[l] = now_.min.at[l] + step_.at[l];
                next_.max.at[l] = now_.max.at[l] - step_.at[l];
            }
            greedy_losses(rows_, next_.min, now_.max, largest_, loss_up_);
            greedy_losses(rows_, now_.min, next_.max, largest_, loss_down_);
            for (std::size_t l = 0; l < kLanes; ++l) {
                if (walks(l)) advance(l);
            }
        }
        return best_;
    }

private:
    bool walks(std::size_t l) const noexcept {
        return !stuck_[l] && now_.min.at[l] + kGreedyLeastSteps * step_.at[l] < now_.max.at[l];
    }
    bool any_walks() const noexcept {
        bool any = false;
        for (std::size_t l = 0; l < kLanes; ++l) any |= walks(l);
        return any;
    }

    void advance(std::size_t l) noexcept {
        const float up = loss_up_.at[l];
        const float down = loss_down_.at[l];
        if (loss_.at[l] < up && loss_.at[l] < down && loss_.at[l] < best_loss_.at[l]) {
            best_loss_.at[l] = loss_.at[l];
            best_.min.at[l] = now_.min.at[l];
            best_.max.at[l] = now_.max.at[l];
        }
        float& end = up < down ? now_.min.at[l] : now_.max.at[l];
        const float next = up < down ? next_.min.at[l] : next_.max.at[l];
        // A step too small to change a float would repeat for ever, as it does in PyTorch.
        stuck_[l] = next == end;
        end = next;
        loss_.at[l] = up < down ? up : down;
    }

    RowBlock rows_;
    float largest_;
    LaneRanges best_;
    Lanes best_loss_;
    LaneRanges now_;
    Lanes loss_;
    LaneRanges next_;
    Lanes loss_up_;
    Lanes loss_down_;
    Lanes step_;
    bool stuck_[kLanes] = {};
};

}  // namespace
}  // namespace rowpool::kernels
