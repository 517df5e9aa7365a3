// Pictures of pixels, drawn by cairo.
#include <cairo.h>

#include <cstdio>

#include "tools/base/failure.hpp"
#include "tools/charts/canvas.hpp"

namespace rowpool::tools {

namespace {

constexpr double kPixels = 2;  // each way, for one of a page

cairo_status_t append(void* file, const unsigned char* bytes, unsigned int count) {
    auto& out = *static_cast<std::vector<std::byte>*>(file);
    const auto* begin = reinterpret_cast<const std::byte*>(bytes);
    out.insert(out.end(), begin, begin + count);
    return CAIRO_STATUS_SUCCESS;
}

}  // namespace

struct PngCanvas::Picture {
    Picture(int width, int height)
        : surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height)), context(cairo_create(surface)) {}
    Picture(const Picture&) = delete;
    Picture& operator=(const Picture&) = delete;
    ~Picture() {
        cairo_destroy(context);
        cairo_surface_destroy(surface);
    }

    void set_color(Color color) const {
        unsigned rgb = 0;
        std::sscanf(color, "#%x", &rgb);
        cairo_set_source_rgb(context, (rgb >> 16) / 255.0, (rgb >> 8 & 0xff) / 255.0, (rgb & 0xff) / 255.0);
    }

    void check() const {
        const cairo_status_t status = cairo_status(context);
        if (status != CAIRO_STATUS_SUCCESS) fail("cannot draw the picture: ", cairo_status_to_string(status));
    }

    cairo_surface_t* surface;
    cairo_t* context;
};

PngCanvas::PngCanvas(double width, double height)
    : picture_(std::make_unique<Picture>(static_cast<int>(width * kPixels), static_cast<int>(height * kPixels))) {
    picture_->check();
    cairo_scale(picture_->context, kPixels, kPixels);
    cairo_set_line_width(picture_->context, 1);
    picture_->set_color("#ffffff");
    cairo_paint(picture_->context);
}

PngCanvas::~PngCanvas() = default;

void PngCanvas::line(Point from, Point to, Color color) {
    picture_->set_color(color);
    cairo_move_to(picture_->context, from.x, from.y);
    cairo_line_to(picture_->context, to.x, to.y);
    cairo_stroke(picture_->context);
}

void PngCanvas::area(std::span<const Point> corners, Color color) {
    picture_->set_color(color);
    for (const Point& corner : corners) cairo_line_to(picture_->context, corner.x, corner.y);
    cairo_fill(picture_->context);
}

void PngCanvas::text(Point at, std::string_view text, const TextStyle& style) {
    cairo_t* context = picture_->context;
    const std::string ended(text);
    cairo_select_font_face(context, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(context, style.size);
    cairo_text_extents_t extents;
    cairo_text_extents(context, ended.c_str(), &extents);
    const double before = style.anchor == TextStyle::Anchor::start    ? 0
                          : style.anchor == TextStyle::Anchor::middle ? extents.x_advance / 2
                                                                      : extents.x_advance;
    picture_->set_color(style.color);
    cairo_save(context);
    cairo_translate(context, at.x, at.y);
    if (style.upwards) cairo_rotate(context, -3.14159265358979323846 / 2);
    cairo_move_to(context, -before, 0);
    cairo_show_text(context, ended.c_str());
    cairo_restore(context);
    cairo_new_path(context);
}

std::vector<std::byte> PngCanvas::finish() {
    picture_->check();
    cairo_surface_flush(picture_->surface);
    std::vector<std::byte> file;
    const cairo_status_t status = cairo_surface_write_to_png_stream(picture_->surface, append, &file);
    if (status != CAIRO_STATUS_SUCCESS) fail("cannot make a PNG file: ", cairo_status_to_string(status));
    return file;
}

}  // namespace rowpool::tools
