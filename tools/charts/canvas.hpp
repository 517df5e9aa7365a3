// What charts are drawn on: a picture for a web page, or one of pixels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowpool::tools {

/// In pixels of a page, from the upper left corner to the right and down.
struct Point {
    double x = 0;
    double y = 0;
};

/// "#rrggbb"
using Color = const char*;

/// How a text is set: where of it the point is, on its baseline.
struct TextStyle {
    enum class Anchor : unsigned char { start, middle, end };

    Anchor anchor = Anchor::start;
    double size = 11;
    Color color = "#333333";
    bool bold = false;
    bool upwards = false;  ///< read from below to above
};

/// A picture in the making.
class Canvas {
public:
    Canvas() = default;
    Canvas(const Canvas&) = delete;
    Canvas& operator=(const Canvas&) = delete;
    virtual ~Canvas() = default;

    virtual void line(Point from, Point to, Color color) = 0;
    /// A closed shape, filled.
    virtual void area(std::span<const Point> corners, Color color) = 0;
    /// `text` is UTF-8.
    virtual void text(Point at, std::string_view text, const TextStyle& style) = 0;
};

/// An <svg> element for a web page. Its texts stay texts, set in the page's own font.
class SvgCanvas : public Canvas {
public:
    /// `title` is what the picture shows, for those who do not see it.
    SvgCanvas(double width, double height, std::string_view title);

    void line(Point from, Point to, Color color) override;
    void area(std::span<const Point> corners, Color color) override;
    void text(Point at, std::string_view text, const TextStyle& style) override;

    /// The element, complete; nothing can be drawn afterwards.
    std::string finish();

private:
    std::string svg_;
};

/// A PNG file, with twice as many pixels each way. Texts are in the machine's sans-serif font, or in one that cairo has
/// built in where there is none.
class PngCanvas : public Canvas {
public:
    /// The tallest picture that cairo can make of pixels.
    static constexpr double kMostHeight = 16000;

    /// White. Fails when there is no memory for it.
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
