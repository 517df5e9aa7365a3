// How far the rows of a table are from those of another, row by row.
#include "tools/compare/row_errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tools/compare/pieces.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kLanes = 4;  // independent sums, so that the compiler can use vectors
constexpr double kInfinite = std::numeric_limits<double>::infinity();

using Sums = std::array<double, kLanes>;

double sum(const Sums& lanes) { return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]); }

/// The sums over the values of one row.
struct RowSums {
    Sums max_abs{};
    Sums error_squares{};
    Sums source_squares{};
    Sums decoded_squares{};

    void add(std::size_t lane, float source, float decoded) {
        const bool finite = std::abs(source) <= std::numeric_limits<float>::max();
        const double wanted = finite ? static_cast<double>(source) : 0.0;
        const double found = finite ? static_cast<double>(decoded) : 0.0;
        const double error = found - wanted;
        max_abs[lane] = std::max(max_abs[lane], std::abs(error));
        error_squares[lane] += error * error;
        source_squares[lane] += wanted * wanted;
        decoded_squares[lane] += found * found;
    }
};

RowSums sums_of(std::span<const float> source, std::span<const float> decoded) {
    RowSums sums;
    std::size_t i = 0;
    for (; i + kLanes <= source.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) sums.add(lane, source[i + lane], decoded[i + lane]);
    }
    for (; i < source.size(); ++i) sums.add(0, source[i], decoded[i]);
    return sums;
}

/// From the lengths of two rows and of their difference, as in a triangle: exact enough in f64, and one sum less.
double cosine(double source_squares, double decoded_squares, double error_squares) {
    if (error_squares == 0) return 1;
    const double product = std::sqrt(source_squares) * std::sqrt(decoded_squares);
    if (!(product > 0) || !std::isfinite(product)) return 0;
    return std::clamp((source_squares + decoded_squares - error_squares) / (2 * product), -1.0, 1.0);
}

bool differ(std::span<const float> a, std::span<const float> b) {
    const auto same = [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); };
    return !std::equal(a.begin(), a.end(), b.begin(), same);
}

}  // namespace

void RowErrors::add(std::size_t first, const Table& source, const Table& decoded) {
    const std::size_t dim = source.dim();
    for_each_piece(source, decoded, [&](std::size_t row, std::span<const float> wanted, std::span<const float> found) {
        for (std::size_t at = 0; at < wanted.size(); at += dim) {
            add_row(first + row + at / dim, wanted.subspan(at, dim), found.subspan(at, dim));
        }
    });
}

void RowErrors::add_row(std::size_t row, std::span<const float> source, std::span<const float> decoded) {
    const RowSums sums = sums_of(source, decoded);
    const double source_squares = sum(sums.source_squares);
    double error_squares = sum(sums.error_squares);
    RowError error = {.row = row, .max_abs = *std::max_element(sums.max_abs.begin(), sums.max_abs.end())};
    if (!std::isfinite(error_squares)) error_squares = error.max_abs = kInfinite;
    error.cosine = cosine(source_squares, sum(sums.decoded_squares), error_squares);
    if (error_squares > 0) error.relative = std::sqrt(error_squares / source_squares);
    ++rows_;
    if (differ(source, decoded)) ++changed_;
    max_abs_ = std::max(max_abs_, error.max_abs);
    error_squares_ += error_squares;
    source_squares_ += source_squares;
    cosines_ += error.cosine;
    worst_cosine_ = std::min(worst_cosine_, error.cosine);
    if (error_squares > 0) note_error(error);
}

void RowErrors::note_error(const RowError& error) {
    const double place = (std::log10(error.relative) - kLeastDecade) * kBinsPerDecade;
    ++bins_[static_cast<std::size_t>(std::clamp(place, 0.0, kBins - 1.0))];
    keep_worst(error);
}

void RowErrors::keep_worst(const RowError& error) {
    if (worst_.size() == kWorstKept && !(error.relative > worst_.back().relative)) return;
    const auto larger = [](double relative, const RowError& other) { return relative > other.relative; };
    worst_.insert(std::upper_bound(worst_.begin(), worst_.end(), error.relative, larger), error);
    if (worst_.size() > kWorstKept) worst_.pop_back();
}

void RowErrors::merge(const RowErrors& later) {
    rows_ += later.rows_;
    changed_ += later.changed_;
    max_abs_ = std::max(max_abs_, later.max_abs_);
    error_squares_ += later.error_squares_;
    source_squares_ += later.source_squares_;
    cosines_ += later.cosines_;
    worst_cosine_ = std::min(worst_cosine_, later.worst_cosine_);
    for (const RowError& error : later.worst_) keep_worst(error);
    for (std::size_t i = 0; i < kBins; ++i) bins_[i] += later.bins_[i];
}

std::size_t RowErrors::with_error() const { return std::accumulate(bins_.begin(), bins_.end(), std::size_t{0}); }

ErrorMetrics RowErrors::metrics() const {
    return {max_abs_, source_squares_ > 0 ? std::sqrt(error_squares_ / source_squares_) : 0.0};
}

double RowErrors::mean_cosine() const { return rows_ == 0 ? 1.0 : cosines_ / static_cast<double>(rows_); }

Histogram RowErrors::distribution() const {
    const auto filled = [](std::uint64_t count) { return count != 0; };
    const auto first = std::find_if(bins_.begin(), bins_.end(), filled);
    const auto last = std::find_if(bins_.rbegin(), bins_.rend(), filled).base();
    Histogram histogram;
    if (first == bins_.end()) return histogram;
    histogram.counts.assign(first, last);
    for (auto edge = first - bins_.begin(); edge <= last - bins_.begin(); ++edge) {
        histogram.edges.push_back(
            std::pow(10.0, static_cast<double>(edge) / kBinsPerDecade + static_cast<double>(kLeastDecade)));
    }
    return histogram;
}

}  // namespace rowpool::tools
