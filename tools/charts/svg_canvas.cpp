// Pictures for web pages.
#include <array>
#include <cmath>
#include <cstdio>

#include "tools/charts/canvas.hpp"
#include "tools/charts/html.hpp"

namespace rowpool::tools {

namespace {

/// To a tenth of a pixel.
std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", std::round(value * 10) / 10);
    return text.data();
}

std::string position(const char* x, const char* y, Point point) {
    return std::string(" ") + x + "=\"" + number(point.x) + "\" " + y + "=\"" + number(point.y) + '"';
}

const char* name_of(TextStyle::Anchor anchor) {
    if (anchor == TextStyle::Anchor::middle) return "middle";
    return anchor == TextStyle::Anchor::end ? "end" : "start";
}

}  // namespace

SvgCanvas::SvgCanvas(double width, double height, std::string_view title)
    : svg_("<svg role=\"img\" aria-label=\"" + html_escaped(title) + "\" width=\"" + number(width) + "\" height=\"" +
           number(height) + "\" viewBox=\"0 0 " + number(width) + ' ' + number(height) + "\">") {}

void SvgCanvas::line(Point from, Point to, Color color) {
    svg_ += "<line" + position("x1", "y1", from) + position("x2", "y2", to) + " stroke=\"" + color + "\"/>";
}

void SvgCanvas::area(std::span<const Point> corners, Color color) {
    svg_ += "<polygon points=\"";
    for (const Point& corner : corners) svg_ += number(corner.x) + ',' + number(corner.y) + ' ';
    svg_ += std::string("\" fill=\"") + color + "\"/>";
}

void SvgCanvas::text(Point at, std::string_view text, const TextStyle& style) {
    svg_ += "<text" + position("x", "y", at) + " font-size=\"" + number(style.size) + "\" fill=\"" + style.color + '"';
    if (style.anchor != TextStyle::Anchor::start) svg_ += std::string(" text-anchor=\"") + name_of(style.anchor) + '"';
    if (style.bold) svg_ += " font-weight=\"bold\"";
    if (style.upwards) svg_ += " transform=\"rotate(-90 " + number(at.x) + ' ' + number(at.y) + ")\"";
    svg_ += '>' + html_escaped(text) + "</text>";
}

std::string SvgCanvas::finish() { return std::move(svg_) + "</svg>\n"; }

}  // namespace rowpool::tools
