// How far decoded rows are from their source, summed up piece by piece.
#include "tools/compare/error_sums.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tools/compare/pieces.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kLanes = 8;  // independent sums, so that the compiler can use vectors

struct Lanes {
    std::array<double, kLanes> max_abs{};
    std::array<double, kLanes> error_squares{};
    std::array<double, kLanes> source_squares{};

    void add(std::size_t lane, float source, float decoded) {
        const bool finite = std::abs(source) <= std::numeric_limits<float>::max();
        const double value = finite ? static_cast<double>(source) : 0.0;
        const double error = finite ? static_cast<double>(decoded) - value : 0.0;
        max_abs[lane] = std::max(max_abs[lane], std::abs(error));
        error_squares[lane] += error * error;
        source_squares[lane] += value * value;
    }
};

double sum(const std::array<double, kLanes>& lanes) {
    double total = 0;
    for (const double lane : lanes) total += lane;
    return total;
}

}  // namespace

void ErrorSums::add(const Table& source, const Table& decoded) {
    for_each_piece(source, decoded, [this](std::size_t, std::span<const float> wanted, std::span<const float> found) {
        add_values(wanted, found);
    });
}

void ErrorSums::add_values(std::span<const float> source, std::span<const float> decoded) {
    Lanes lanes;
    std::size_t i = 0;
    for (; i + kLanes <= source.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) lanes.add(lane, source[i + lane], decoded[i + lane]);
    }
    for (; i < source.size(); ++i) lanes.add(0, source[i], decoded[i]);
    max_abs_ = std::max(max_abs_, *std::max_element(lanes.max_abs.begin(), lanes.max_abs.end()));
    error_squares_ += sum(lanes.error_squares);
    source_squares_ += sum(lanes.source_squares);
}

void ErrorSums::merge(const ErrorSums& other) {
    max_abs_ = std::max(max_abs_, other.max_abs_);
    error_squares_ += other.error_squares_;
    source_squares_ += other.source_squares_;
}

ErrorMetrics ErrorSums::metrics() const {
    return {max_abs_, source_squares_ > 0 ? std::sqrt(error_squares_ / source_squares_) : 0.0};
}

}  // namespace rowpool::tools
