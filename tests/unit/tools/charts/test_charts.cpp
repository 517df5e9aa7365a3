// What charts are made of: histograms, the numbers on axes, and pictures for pages.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tools/base/histogram.hpp"
#include "tools/charts/axis.hpp"
#include "tools/charts/chart.hpp"
#include "tools/charts/html.hpp"

namespace rowpool::tools {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The labels of a scale, "." for a mark without one.
std::string labels(const Scale& scale, std::size_t most = 5) {
    std::string text;
    for (const Tick& tick : ticks_of(scale, most)) {
        text += (text.empty() ? "" : " ") + (tick.label.empty() ? "." : tick.label);
    }
    return text;
}

std::uint64_t total(const Histogram& histogram) {
    return std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0});
}

TEST_CASE("marks of linear scales are round numbers within them") {
    CHECK(labels({0, 1}) == "0 0.2 0.4 0.6 0.8 1");
    CHECK(labels({-1.1, 0.9}) == "-1 -0.5 0 0.5");
    CHECK(labels({0.0031, 0.0068}) == "0.004 0.005 0.006");
    CHECK(labels({0, 45000}) == "0 10k 20k 30k 40k");
    CHECK(labels({0, 4500}) == "0 1000 2000 3000 4000");
    CHECK(labels({2e6, 5e6}) == "2M 3M 4M 5M");
    CHECK(labels({0, 3e-7}) == "0 1e-7 2e-7 3e-7");
    CHECK(labels({-3e38, 3e38}) == "-2e38 0 2e38");
}

TEST_CASE("labels tell neighbouring marks apart, however far from 0 they are") {
    CHECK(labels({1000.01, 1000.05}) == "1000.01 1000.02 1000.03 1000.04 1000.05");
    CHECK(labels({12345600, 12345700}) == "12.3456M 12.34562M 12.34564M 12.34566M 12.34568M 12.3457M");
    CHECK(ticks_of({1e30, 1e30 * (1 + 1e-15)}, 5).size() <= 6);  // ends, although steps vanish in the value
}

TEST_CASE("marks of logarithmic scales") {
    CHECK(labels({1e-3, 1e2, true}) == "0.001 0.01 0.1 1 10 100");
    CHECK(labels({1, 10, true}) == "1 2 5 10");
    CHECK(labels({0.5, 200, true}) == ". 1 . . 10 . . 100 .");
    CHECK(labels({1e-9, 1, true}) == "1e-9 . 1e-7 . 1e-5 . 0.001 . 0.1 .");
}

TEST_CASE("scales hold what they are made for, between round numbers") {
    CHECK(scale_from_zero(7.3).high == doctest::Approx(8));
    CHECK(scale_from_zero(100).high == doctest::Approx(100));
    CHECK(scale_from_zero(1e-12).high == doctest::Approx(1e-12));
    const Scale scale = log_scale(0.003, 0.7);
    CHECK(scale.low == doctest::Approx(0.002));
    CHECK(scale.high == doctest::Approx(1));
    const Scale point = log_scale(2, 2);
    CHECK(point.low == doctest::Approx(2));
    CHECK(point.high == doctest::Approx(5));
}

TEST_CASE("places on a scale") {
    CHECK(Scale{-1, 1}.place(0) == doctest::Approx(0.5));
    CHECK(Scale{1, 100, true}.place(10) == doctest::Approx(0.5));
    CHECK(Scale{1, 100, true}.place(0) == 0);
    CHECK(Scale{0, 1}.place(7) == 1);
}

TEST_CASE("a histogram counts each finite value once, the largest in the last bin") {
    const std::vector<float> values = {0, 1, 2, 3, 4, kNan, kInfinity, -kInfinity};
    const Histogram histogram = linear_histogram(values, 4);
    CHECK(histogram.edges == std::vector<double>{0, 1, 2, 3, 4});
    CHECK(histogram.counts == std::vector<std::uint64_t>{1, 1, 1, 2});
}

TEST_CASE("a histogram of one value is around it") {
    for (const float value : {0.0F, -2.5F, 3e38F, 1e-38F}) {
        CAPTURE(value);
        const Histogram histogram = linear_histogram(std::vector<float>(3, value), 5);
        CHECK(histogram.edges.front() < static_cast<double>(value));
        CHECK(histogram.edges.back() > static_cast<double>(value));
        CHECK(histogram.counts == std::vector<std::uint64_t>{0, 0, 3, 0, 0});
    }
}

TEST_CASE("histograms without values have no bins") {
    CHECK(linear_histogram({}, 5).counts.empty());
    CHECK(linear_histogram(std::vector<float>{kNan}, 5).edges.empty());
    CHECK(log_histogram(std::vector<float>{0, -1}, 5).counts.empty());
}

TEST_CASE("the widest range of floats has a histogram") {
    const float most = std::numeric_limits<float>::max();
    CHECK(total(linear_histogram(std::vector<float>{-most, 0, most}, 48)) == 3);
}

TEST_CASE("a logarithmic histogram leaves out what has no logarithm") {
    const Histogram histogram = log_histogram(std::vector<float>{0, -1, 1, 10, 100, kNan}, 2);
    CHECK(histogram.edges[1] == doctest::Approx(10));
    CHECK(histogram.counts == std::vector<std::uint64_t>{1, 2});
    CHECK(wants_log(std::vector<float>{1, 1000}));
    CHECK(!wants_log(std::vector<float>{1, 50}));
    CHECK(!wants_log(std::vector<float>{0, 0}));
}

TEST_CASE("ranges") {
    const ValueRange range = range_of(std::vector<float>{kNan, -3, 0, 7, kInfinity});
    CHECK(range.least == -3);
    CHECK(range.most == 7);
    CHECK(range.finite == 3);
    CHECK(range.not_finite == 2);
    CHECK(range.zeros == 1);
}

TEST_CASE("texts cannot become markup") {
    CHECK(html_escaped("<script>\"&'") == "&lt;script&gt;&quot;&amp;'");
    CHECK(html_element("p", "a<b") == "<p>a&lt;b</p>\n");
    const std::string page = html_page("</title><script>", "");
    CHECK(page.find("<script>") == std::string::npos);
    const Column columns[] = {{"<i>", false}, {"n"}};
    const std::string table = html_table(columns, {{"</td>", "<b>"}});
    CHECK(table.find("<i>") == std::string::npos);
    CHECK(table.find("<b>") == std::string::npos);
    CHECK(table.find("<td class=\"word\">&lt;/td&gt;</td>") != std::string::npos);
}

TEST_CASE("a chart as an SVG element") {
    const Histogram histogram = linear_histogram(std::vector<float>{1, 2, 2, 3}, 3);
    const std::string svg = svg_of({.title = "A & B", .x_label = "x<y", .y_label = "%", .histogram = histogram});
    CHECK(svg.starts_with("<svg "));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(svg.find("aria-label=\"A &amp; B\"") != std::string::npos);
    CHECK(svg.find(">x&lt;y</text>") != std::string::npos);
    CHECK(svg.find("<polygon") != std::string::npos);
}

TEST_CASE("a chart without values says so") {
    const std::string svg =
        svg_of({.title = "t", .x_label = "x", .y_label = "y", .histogram = {}, .nothing = "no rows"});
    CHECK(svg.find("no rows") != std::string::npos);
    CHECK(svg.find("<polygon") == std::string::npos);
}

TEST_CASE("a PNG picture") {
    PngCanvas canvas(kChartWidth, kChartHeight);
    draw_chart({.title = "t", .x_label = "x", .y_label = "y", .histogram = {{1, 10, 100}, {3, 4}}, .log_x = true}, {},
               canvas);
    const std::vector<std::byte> file = canvas.finish();
    REQUIRE(file.size() > 1000);
    CHECK(std::string(reinterpret_cast<const char*>(file.data()), 8) == "\x89PNG\r\n\x1a\n");
}

}  // namespace
}  // namespace rowpool::tools
