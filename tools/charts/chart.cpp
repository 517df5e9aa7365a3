// Histograms with axes.
#include "tools/charts/chart.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "tools/charts/axis.hpp"

namespace rowpool::tools {

namespace {

constexpr Color kBars = "#4c78a8";
constexpr Color kAxis = "#888888";
constexpr Color kGrid = "#e4e4e4";
constexpr Color kFaint = "#777777";
constexpr double kLeft = 52;  // of the rectangle that the bins are in
constexpr double kRight = kChartWidth - 18;
constexpr double kTop = 40;
constexpr double kBottom = kChartHeight - 40;
constexpr double kLeastRatioForLog = 10;
constexpr std::size_t kTicksAcross = 5;
constexpr std::size_t kTicksUp = 4;

using Anchor = TextStyle::Anchor;

/// Where on the canvas the values of a chart are.
struct Frame {
    Point corner;
    Scale across;
    Scale up;

    double x(double value) const { return corner.x + kLeft + across.place(value) * (kRight - kLeft); }
    double y(double value) const { return corner.y + kBottom - up.place(value) * (kBottom - kTop); }
};

std::vector<double> percents_of(const std::vector<std::uint64_t>& counts) {
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    std::vector<double> percents;
    for (const std::uint64_t count : counts) percents.push_back(100 * static_cast<double>(count) / total);
    return percents;
}

Scale scale_up(const std::vector<double>& percents, bool log) {
    const double most = *std::max_element(percents.begin(), percents.end());
    double least = most;
    for (const double percent : percents) least = percent > 0 ? std::min(least, percent) : least;
    if (!log || most < kLeastRatioForLog * least) return scale_from_zero(most);
    return log_scale(least / 2, most);  // so that the least does not lie flat on the axis
}

Frame frame_of(const Chart& chart, const std::vector<double>& percents, Point corner) {
    const std::vector<double>& edges = chart.histogram.edges;
    const Scale across =
        chart.log_x ? log_scale(edges.front(), edges.back()) : Scale{edges.front(), edges.back(), false};
    return {corner, across, scale_up(percents, chart.log_y)};
}

void draw_axes(const Chart& chart, const Frame& frame, Canvas& canvas) {
    const auto [left, top] = frame.corner;
    for (const Tick& tick : ticks_of(frame.up, kTicksUp)) {
        if (tick.label.empty()) continue;
        const double y = frame.y(tick.value);
        canvas.line({left + kLeft, y}, {left + kRight, y}, kGrid);
        canvas.text({left + kLeft - 5, y + 3.5}, tick.label, {.anchor = Anchor::end, .size = 10});
    }
    for (const Tick& tick : ticks_of(frame.across, kTicksAcross)) {
        const double x = frame.x(tick.value);
        canvas.line({x, top + kBottom}, {x, top + kBottom + (tick.label.empty() ? 2 : 4)}, kAxis);
        canvas.text({x, top + kBottom + 15}, tick.label, {.anchor = Anchor::middle, .size = 10});
    }
    canvas.text({left + (kLeft + kRight) / 2, top + kBottom + 31}, chart.x_label, {.anchor = Anchor::middle});
    canvas.text({left + 12, top + (kTop + kBottom) / 2}, chart.y_label, {.anchor = Anchor::middle, .upwards = true});
}

/// The outline of the bins from the axis up, along them and down again.
void draw_bins(const Histogram& histogram, const std::vector<double>& percents, const Frame& frame, Canvas& canvas) {
    const double ground = frame.corner.y + kBottom;
    std::vector<Point> outline = {{frame.x(histogram.edges.front()), ground}};
    for (std::size_t i = 0; i < percents.size(); ++i) {
        const double y = percents[i] > 0 ? frame.y(percents[i]) : ground;
        outline.push_back({frame.x(histogram.edges[i]), y});
        outline.push_back({frame.x(histogram.edges[i + 1]), y});
    }
    outline.push_back({frame.x(histogram.edges.back()), ground});
    canvas.area(outline, kBars);
}

}  // namespace

void draw_chart(const Chart& chart, Point corner, Canvas& canvas) {
    const auto [left, top] = corner;
    canvas.text({left + kLeft, top + 15}, chart.title, {.size = 12, .bold = true});
    canvas.text({left + kLeft, top + 29}, chart.note, {.size = 10, .color = kFaint});
    if (chart.histogram.counts.empty()) {
        const Point middle = {left + (kLeft + kRight) / 2, top + (kTop + kBottom) / 2};
        canvas.text(middle, chart.nothing, {.anchor = Anchor::middle, .color = kFaint});
    } else {
        const std::vector<double> percents = percents_of(chart.histogram.counts);
        const Frame frame = frame_of(chart, percents, corner);
        draw_axes(chart, frame, canvas);
        draw_bins(chart.histogram, percents, frame, canvas);
    }
    canvas.line({left + kLeft, top + kBottom}, {left + kRight, top + kBottom}, kAxis);
}

std::string svg_of(const Chart& chart) {
    SvgCanvas canvas(kChartWidth, kChartHeight, chart.title);
    draw_chart(chart, {}, canvas);
    return canvas.finish();
}

}  // namespace rowpool::tools
