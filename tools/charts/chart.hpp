// Histograms with axes.
#pragma once

#include <string>

#include "tools/base/histogram.hpp"
#include "tools/charts/canvas.hpp"

namespace rowpool::tools {

/// A histogram and its labels.
struct Chart {
    std::string title;
    std::string x_label;
    std::string y_label;  ///< the unit of the bins, for example "% of rows"
    Histogram histogram;  ///< without counts: `nothing` is shown
    bool log_x = false;
    bool log_y = false;     ///< logarithmic, if the bins differ enough
    std::string note = {};  ///< a line below the title
    std::string nothing = "no values";
};

inline constexpr double kChartWidth = 320;
inline constexpr double kChartHeight = 215;

/// Draws the chart into a rectangle of that size.
void draw_chart(const Chart& chart, Point corner, Canvas& canvas);

/// The chart as an <svg> element.
std::string svg_of(const Chart& chart);

}  // namespace rowpool::tools
