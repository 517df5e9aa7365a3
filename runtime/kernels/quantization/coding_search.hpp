// Searches for the scale and bias of each row with the least squared error.
//
// The squared error of a row has many local minima over scale and bias. Two things find a good one: many starting
// ranges, of different widths and positions; and from each, Lloyd's alternation ("Least squares quantization in PCM",
// IEEE Transactions on Information Theory 28(2), 1982): codes for the scale and bias, then the least-squares scale and
// bias for the codes; neither step can increase the error. The stored scale and bias are rounded, so the search ends by
// trying the representable neighbours of the best ones.
//
// Errors are summed in f32 during the search; choose_best() decides in f64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/half.hpp"
#include "kernels/quantization/row_block.hpp"

namespace rowpool::kernels {
namespace {

constexpr int kSizes = 8;   ///< widths of the starting ranges, from the range of the row's values down,
constexpr int kPlaces = 3;  ///< each at this many positions, a third of a step apart
constexpr int kMiddlePlace = kPlaces / 2;
constexpr int kStartFits = 1;      ///< fits from every start
constexpr int kFits = 5;           ///< fits from the best of them
constexpr int kScaleFits = 2;      ///< fits of the scale alone, for each representable bias
constexpr float kNoError = 3e38f;  ///< more than any error that counts

struct Params {
    Lanes scale;
    Lanes bias;
};

/// Sums over the columns of a row, of its codes with some scale and bias.
struct Sums {
    Lanes code;
    Lanes code_code;
    Lanes rest;  ///< residuals: values minus decoded values
    Lanes rest_code;
    Lanes rest_rest;
};

/// The best scale and bias seen so far, per lane.
struct Found {
    Params params;
    Lanes error;

    Found() noexcept {
        for (float& error_of_lane : error.at) error_of_lane = kNoError;
    }
    void take(const Params& other, const Lanes& its_error) noexcept {
        for (std::size_t l = 0; l < kLanes; ++l) {
            if (!(its_error.at[l] < error.at[l])) continue;
            error.at[l] = its_error.at[l];
            params.scale.at[l] = other.scale.at[l];
            params.bias.at[l] = other.bias.at[l];
        }
    }
};

/// The representable number `steps` (-1, 0 or 1) above x.
inline float stored_neighbour(float x, int steps) noexcept {
    const std::uint16_t half = f32_to_f16(x);
    int order = half & 0x8000 ? -static_cast<int>(half & 0x7fff) : static_cast<int>(half);
    order += steps;
    const auto magnitude = static_cast<std::uint16_t>(order < 0 ? -order : order);
    return f16_to_f32(static_cast<std::uint16_t>(magnitude | (order < 0 ? 0x8000 : 0)));
}

/// 1 / scale, or NaN where that is not usable: every error is then NaN, which never compares less.
inline float inverse_of(float scale) noexcept {
    const float inverse = 1.0f / scale;
    return inverse - inverse == 0 ? inverse : inverse - inverse;
}

class CodingSearch {
public:
    /// @param bits    per code
    /// @param halves  scale and bias are stored as f16
    CodingSearch(const RowBlock& rows, std::size_t bits, bool halves) noexcept
        : rows_(rows), bits_(bits), largest_(static_cast<float>((1u << bits) - 1)), halves_(halves) {}

    /// The best representable scale and bias found from starting ranges all over [min, max] and from `known`.
    Params run(const Lanes& min, const Lanes& max, const Params& known) noexcept {
        descend(best_start(min, max));
        descend(known);
        return stored_.params;
    }

private:
    Params best_start(const Lanes& min, const Lanes& max) noexcept {
        const float least = bits_ == 2 ? 0.3f : bits_ == 4 ? 0.5f : 0.9f;
        Found found;
        for (int size = 0; size < kSizes; ++size) {
            const float part = 1 - (1 - least) * static_cast<float>(size) / (kSizes - 1);
            for (int place = 0; place < kPlaces; ++place) {
                const float shift = static_cast<float>(place - kMiddlePlace) / kPlaces;
                Params params;
                for (std::size_t l = 0; l < kLanes; ++l) {
                    const float range = max.at[l] - min.at[l];
                    const float scale = part * range / largest_;
                    params.scale.at[l] = scale;
                    params.bias.at[l] = min.at[l] + (1 - part) / 2 * range + shift * scale;
                }
                fit(params, kStartFits, found);
            }
        }
        return found.params;
    }

    /// Improves `start` by a number of fits and notes the best result in `found`.
    void fit(const Params& start, int fits, Found& found) noexcept {
        Params params = start;
        for (int i = 0; i <= fits; ++i) {
            Sums sums;
            measure(params, sums);
            found.take(params, sums.rest_rest);
            improve(sums, params);
        }
    }

    void descend(const Params& start) noexcept {
        Found found;
        fit(start, kFits, found);
        if (!halves_) {
            stored_.take(found.params, found.error);
            return;
        }
        for (int steps = -1; steps <= 1; ++steps) {
            Params params = found.params;
            for (float& bias : params.bias.at) bias = stored_neighbour(bias, steps);
            fit_scale(params);
            store_nearest(params);
        }
    }

    /// The least-squares scale for a fixed bias.
    void fit_scale(Params& params) const noexcept {
        for (int i = 0; i < kScaleFits; ++i) {
            Sums sums;
            measure(params, sums);
            for (std::size_t l = 0; l < kLanes; ++l) {
                const float change = sums.rest_code.at[l] / sums.code_code.at[l];
                params.scale.at[l] += sums.code_code.at[l] > 0 ? change : 0;
            }
        }
    }

    /// Tries the representable scales nearest to the fitted ones.
    void store_nearest(const Params& fitted) noexcept {
        Params params = fitted;
        for (int steps = -1; steps <= 1; ++steps) {
            for (std::size_t l = 0; l < kLanes; ++l) {
                params.scale.at[l] = stored_neighbour(fitted.scale.at[l], steps);
            }
            Sums sums;
            measure(params, sums);
            stored_.take(params, sums.rest_rest);
        }
    }

    void measure(const Params& params, Sums& sums) const noexcept {
        Lanes inverses;
        for (std::size_t l = 0; l < kLanes; ++l) inverses.at[l] = inverse_of(params.scale.at[l]);
        for (std::size_t l = 0; l < kLanes; l += kWidth) measure_lanes(l, params, inverses, sums);
    }

    void measure_lanes(std::size_t l, const Params& params, const Lanes& inverses, Sums& sums) const noexcept {
        const Vector scale = load_lanes(params.scale.at + l);
        const Vector bias = load_lanes(params.bias.at + l);
        const Vector inverse = load_lanes(inverses.at + l);
        const Vector largest = Vector{} + largest_;
        Vector codes = {}, codes_codes = {}, rests = {}, rests_codes = {}, rests_rests = {};
        for (std::size_t d = 0; d < rows_.dim; ++d) {
            const Vector x = load_lanes(rows_.column(d) + l);
            const Vector code = code_of(x, bias, inverse, largest);
            const Vector rest = residual(x, code, scale, bias);
            codes += code;
            codes_codes += code * code;
            rests += rest;
            rests_codes += rest * code;
            rests_rests += rest * rest;
        }
        store_lanes(sums.code.at + l, codes);
        store_lanes(sums.code_code.at + l, codes_codes);
        store_lanes(sums.rest.at + l, rests);
        store_lanes(sums.rest_code.at + l, rests_codes);
        store_lanes(sums.rest_rest.at + l, rests_rests);
    }

    /// The least-squares scale and bias for the measured codes. The changes to them solve [code_code code; code n]
    /// [scale; bias] = [rest_code; rest].
    void improve(const Sums& sums, Params& params) const noexcept {
        const auto n = static_cast<float>(rows_.dim);
        for (std::size_t l = 0; l < kLanes; ++l) {
            const float determinant = n * sums.code_code.at[l] - sums.code.at[l] * sums.code.at[l];
            const float scale = (n * sums.rest_code.at[l] - sums.code.at[l] * sums.rest.at[l]) / determinant;
            const float change = determinant > 0 ? scale : 0;
            params.scale.at[l] += change;
            params.bias.at[l] += (sums.rest.at[l] - change * sums.code.at[l]) / n;
        }
    }

    RowBlock rows_;
    std::size_t bits_;
    float largest_;
    bool halves_;
    Found stored_;
};

/// Squared errors of the decoded rows.
struct SquaredErrors {
    double at[kLanes] = {};
};

inline SquaredErrors squared_errors(const RowBlock& rows, const LaneCodings& coding, float largest) noexcept {
    SquaredErrors sums;
    for (std::size_t d = 0; d < rows.dim; ++d) {
        const float* x = rows.column(d);
        for (std::size_t l = 0; l < kLanes; ++l) {
            const float code = code_of(x[l], coding.bias.at[l], coding.inverse.at[l], largest);
            const float decoded = code * coding.scale.at[l] + coding.bias.at[l];
            const double error = static_cast<double>(x[l]) - static_cast<double>(decoded);
            sums.at[l] += error * error;
        }
    }
    return sums;
}

}  // namespace
}  // namespace rowpool::kernels
