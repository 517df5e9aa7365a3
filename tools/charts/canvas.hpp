// The drawing surfaces of charts: SVG for web pages, and PNG.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowpool::tools {

/// A point in pixels; the origin is the upper left corner.
struct Point {
    double x = 0;
    double y = 0;
};

/// "#rrggbb"
using Color = const char*;

/// How a text is aligned to its point, on the baseline.
struct TextStyle {
    enum class Anchor : unsigned char { start, middle, end };

    Anchor anchor = Anchor::start;
    double size = 11;
    Color color = "#333333";
    bool bold = false;
    bool upwards = false;  ///< rotated, to be read upwards
};

/// A picture that is being drawn.
class Canvas {
public:
    Canvas() = default;
    Canvas(const Canvas&) = delete;
    Canvas& operator=(const Canvas&) = delete;
    virtual ~Canvas() = default;

    virtual void line(Point from, Point to, Color color) = 0;
    /// Fills a closed shape.
    virtual void area(std::span<const Point> corners, Color color) = 0;
    /// `text` is UTF-8.
    virtual void text(Point at, std::string_view text, const TextStyle& style) = 0;
};

/// An <svg> element for a web page. Text stays text, in the font of the page.
class SvgCanvas : public Canvas {
public:
    /// `title` describes the picture for screen readers.
    SvgCanvas(double width, double height, std::string_view title);

    void line(Point from, Point to, Color color) override;
    void area(std::span<const Point> corners, Color color) override;
    void text(Point at, std::string_view text, const TextStyle& style) override;

    /// The complete element; nothing can be drawn afterwards.
    std::string finish();

private:
    std::string svg_;
};

/// A PNG file with twice the resolution. Text is in the machine's sans-serif font, or in cairo's built-in font where
/// there is none.
class PngCanvas : public Canvas {
public:
    /// The maximum height of a cairo image.

    /// A white picture. Fails when there is not enough memory.
    PngCanvas(double width, double height);
    ~PngCanvas() override;

    void line(Point from, Point to, Color color) override;
    void area(std::span<const Point> corners, Color color) override;
    void text(Point at, std::string_view text, const TextStyle& style) override;

    /// The bytes of the file. Fails when something could not be drawn.
    std::vector<std::byte> finish();

private:
    struct Picture;
    std::unique_ptr<Picture> picture_;
};

}  // namespace rowpool::tools
