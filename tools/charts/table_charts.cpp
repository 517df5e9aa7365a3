// The charts of a table: its values, the norms of its rows, and how finely they are coded.
#include "tools/charts/table_charts.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "support/parallel.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/text.hpp"
#include "tools/charts/html.hpp"
#include "tools/charts/row_sample.hpp"

namespace rowpool::tools {

namespace {

constexpr double kLeastBins = 8;
constexpr double kMostBins = 48;
constexpr std::size_t kRunsOfAll = 4096;  // a run is a few reads of the disk where the file is in no memory
constexpr std::size_t kLeastRuns = 4;
constexpr std::size_t kMostRuns = 256;
constexpr std::size_t kMostInPicture = 40;

/// Rice's rule: as many bins as can be told from chance.
std::size_t bins_for(const std::vector<float>& values) {
    return static_cast<std::size_t>(
        std::clamp(2 * std::cbrt(static_cast<double>(values.size())), kLeastBins, kMostBins));
}

std::string range_note(const std::vector<float>& values) {
    const ValueRange range = range_of(values);
    std::string note;
    if (range.finite > 0 && range.least < range.most) {
        note = short_number(range.least) + " to " + short_number(range.most);
    } else if (range.finite > 0) {
        note = "all " + short_number(range.least);
    }
    if (range.not_finite > 0)
        note += (note.empty() ? "" : ", ") + std::to_string(range.not_finite) + " NaN or infinite";
    return note;
}

Chart value_chart(const RowSample& sample) {
    return {.title = "Values",
            .x_label = "value",
            .y_label = "% of values",
            .histogram = linear_histogram(sample.values, bins_for(sample.values)),
            .log_y = true,
            .note = range_note(sample.values),
            .nothing = sample.rows == 0 ? "no rows" : "no finite values"};
}

/// Of numbers that are not negative, one a row.
Chart row_chart(const std::string& title, const std::string& label, const std::vector<float>& numbers) {
    const bool log = wants_log(numbers);
    const std::size_t bins = bins_for(numbers);
    Chart chart = {.title = title,
                   .x_label = label,
                   .y_label = "% of rows",
                   .histogram = log ? log_histogram(numbers, bins) : linear_histogram(numbers, bins),
                   .log_x = log,
                   .note = range_note(numbers),
                   .nothing = numbers.empty() ? "no rows" : "no finite values"};
    const std::size_t zeros = range_of(numbers).zeros;
    if (log && zeros > 0) chart.note += ", at 0 and not shown: " + std::to_string(zeros);
    return chart;
}

std::string details_of(const TableFile& file, std::size_t position, const RowSample& sample) {
    const Table& table = file.tables()[position];
    const TableOrigin& origin = file.origin(position);
    std::string text = std::to_string(table.rows()) + " x " + std::to_string(table.dim()) + ' ' +
                       std::string(to_string(table.format())) + ", " + human_bytes(table.rows() * table.row_stride());
    if (origin.error) {
        text += ", largest error " + short_number(origin.error->max_abs) + ", relative L2 error " +
                short_number(origin.error->relative_l2);
    }
    if (sample.rows < table.rows())
        text += "; charts of " + std::to_string(sample.rows) + " rows spread over the table";
    return text;
}

ChartedTable chart_table(const TableFile& file, std::size_t position, std::size_t runs) {
    const Table& table = file.tables()[position];
    const RowSample sample = sample_rows(table, runs);
    ChartedTable charted = {
        printable(table.name()), details_of(file, position, sample), table.rows() * table.row_stride(), {}};
    charted.charts.push_back(value_chart(sample));
    charted.charts.push_back(row_chart("Row norms", "L2 norm of a row", sample.norms));
    if (is_coded(table.format())) {
        charted.charts.push_back(
            row_chart("Quantization steps", "step between codes; errors are up to half of it", sample.steps));
    }
    return charted;
}

}  // namespace

std::vector<ChartedTable> chart_tables(const TableFile& file) {
    const std::size_t count = file.tables().size();
    const std::size_t runs = std::clamp(kRunsOfAll / std::max<std::size_t>(1, count), kLeastRuns, kMostRuns);
    std::vector<ChartedTable> tables(count);
    Progress progress("reading rows", count, Progress::Unit::steps);
    std::mutex counting;
    support::parallel_for(count, [&](std::size_t i) {
        tables[i] = chart_table(file, i, runs);
        const std::lock_guard lock(counting);
        progress.advance(1);
    });
    return tables;
}

std::vector<std::byte> png_of(const std::string& title, std::vector<ChartedTable> tables) {
    constexpr double kMargin = 16;
    constexpr double kHeading = 56;
    constexpr double kTableHeading = 40;
    constexpr double kTableHeight = kTableHeading + kChartHeight + 12;
    std::string heading = title;
    if (tables.size() > kMostInPicture) {
        heading +=
            ": the " + std::to_string(kMostInPicture) + " largest of " + std::to_string(tables.size()) + " tables";
        const auto larger = [](const ChartedTable& a, const ChartedTable& b) { return a.bytes > b.bytes; };
        std::stable_sort(tables.begin(), tables.end(), larger);
        tables.resize(kMostInPicture);
    }
    PngCanvas canvas(3 * kChartWidth + 2 * kMargin, kHeading + static_cast<double>(tables.size()) * kTableHeight);
    canvas.text({kMargin, 30}, heading, {.size = 17, .bold = true});
    double top = kHeading;
    for (const ChartedTable& table : tables) {
        canvas.line({kMargin, top - 6}, {kMargin + 3 * kChartWidth, top - 6}, "#d0d0d0");
        canvas.text({kMargin, top + 14}, table.name, {.size = 14, .bold = true});
        canvas.text({kMargin, top + 31}, table.details, {.size = 11, .color = "#666666"});
        double left = kMargin;
        for (const Chart& chart : table.charts) {
            draw_chart(chart, {left, top + kTableHeading}, canvas);
            left += kChartWidth;
        }
        top += kTableHeight;
    }
    return canvas.finish();
}

std::string html_of(const std::string& title, const std::string& overview, const std::vector<ChartedTable>& tables) {
    std::string body = overview;
    for (const ChartedTable& table : tables) {
        body += html_element("h2", table.name) + html_element("p", table.details) + "<div>";
        for (const Chart& chart : table.charts) body += svg_of(chart);
        body += "</div>\n";
    }
    return html_page(title, body);
}

}  // namespace rowpool::tools
