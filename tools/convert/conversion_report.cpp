// The page that says what a conversion did: `convert --report`.
#include "tools/convert/conversion_report.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/charts/chart.hpp"
#include "tools/charts/html.hpp"
#include "tools/compare/comparison.hpp"
#include "tools/inputs/open_sources.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kSlowestShown = 5;

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    return short_number(100.0 * static_cast<double>(part) / static_cast<double>(whole)) + "%";
}

std::string rate_of(const ConvertedTable& table) {
    if (!(table.seconds > 0)) return "-";
    return short_number(static_cast<double>(table.table.shape.rows) / table.seconds / 1e6);
}

std::string formats_of(const ConvertedTable& table) {
    return std::string(to_string(table.source->description().shape.format)) + " to " +
           std::string(to_string(table.table.shape.format));
}

std::string overview(const std::vector<ConvertedTable>& tables, const std::vector<ConversionErrors>& errors) {
    static constexpr std::array kColumns = {Column{"table", false},  Column{"rows"},         Column{"dim"},
                                            Column{"format", false}, Column{"bytes before"}, Column{"bytes after"},
                                            Column{"of before"},     Column{"max error"},    Column{"relative L2"},
                                            Column{"seconds"},       Column{"Mrows/s"}};
    std::vector<std::vector<std::string>> lines;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const ConvertedTable& table = tables[i];
        const ErrorMetrics metrics = errors[i].rows.metrics();
        const std::uint64_t before = stored_bytes(table.source->description().shape);
        const std::uint64_t after = stored_bytes(table.table.shape);
        lines.push_back({printable(table.table.name), std::to_string(table.table.shape.rows),
                         std::to_string(table.table.shape.dim), formats_of(table), human_bytes(before),
                         human_bytes(after), percent(after, before), short_number(metrics.max_abs),
                         short_number(metrics.relative_l2), short_number(table.seconds), rate_of(table)});
    }
    return html_table(kColumns, lines);
}

/// A few tables that took the longest, when there are more of them than that.
std::string slowest(const std::vector<ConvertedTable>& tables) {
    static constexpr std::array kColumns = {Column{"table", false}, Column{"seconds"}, Column{"of all"},
                                            Column{"Mrows/s"}};
    if (tables.size() <= kSlowestShown) return "";
    double total = 0;
    std::vector<const ConvertedTable*> order;
    for (const ConvertedTable& table : tables) {
        total += table.seconds;
        order.push_back(&table);
    }
    const auto slower = [](const ConvertedTable* a, const ConvertedTable* b) { return a->seconds > b->seconds; };
    std::stable_sort(order.begin(), order.end(), slower);
    order.resize(kSlowestShown);
    std::vector<std::vector<std::string>> lines;
    for (const ConvertedTable* table : order) {
        lines.push_back({printable(table->table.name), short_number(table->seconds),
                         total > 0 ? short_number(100 * table->seconds / total) + "%" : "-", rate_of(*table)});
    }
    return html_element("h2", "Slowest tables") + html_table(kColumns, lines);
}

std::string worst_rows(const ConversionErrors& errors) {
    std::vector<Column> columns = {{"row"}, {"relative error"}, {"cosine"}, {"max error"}};
    const bool named = !errors.worst_row_names.empty();
    if (named) columns.push_back({"name", false});
    std::vector<std::vector<std::string>> lines;
    for (const RowError& row : errors.rows.worst()) {
        lines.push_back(
            {std::to_string(row.row), short_number(row.relative), cosine_text(row.cosine), short_number(row.max_abs)});
        if (named) lines.back().push_back(printable(errors.worst_row_names[lines.size() - 1]));
    }
    return "<div>" + html_element("h3", "Worst rows") + html_table(columns, lines) + "</div>";
}

std::string error_chart(const RowErrors& errors) {
    const std::size_t exact = errors.rows() - errors.with_error();
    return svg_of({.title = "Errors of rows",
                   .x_label = "relative L2 error of a row",
                   .y_label = "% of rows with an error",
                   .histogram = errors.distribution(),
                   .log_x = true,
                   .note = exact == 0 ? "" : "rows without error, not shown: " + std::to_string(exact)});
}

std::string section(const ConvertedTable& table, const ConversionErrors& errors) {
    std::string details = "From " + printable(table.table.source) + ", " + formats_of(table);
    if (!table.table.quantization.empty()) details += ", " + printable(table.table.quantization);
    std::string html = html_element("h2", printable(table.table.name)) + html_element("p", details + '.');
    if (!table.reason.empty()) html += html_element("p", table.reason);
    if (errors.rows.worst().empty()) {
        return html + html_element("p", errors.rows.rows() == 0 ? "No rows." : "Every value is the source's.");
    }
    html += html_element("p", "Cosine to the source: mean " + cosine_text(errors.rows.mean_cosine()) + ", worst " +
                                  cosine_text(errors.rows.worst_cosine()) + '.');
    return html + "<div class=\"beside\">" + error_chart(errors.rows) + worst_rows(errors) + "</div>\n";
}

/// The names of some rows, of all names joined by newlines. Looks for them in the order of the rows, in one pass.
std::vector<std::string_view> pick_names(std::string_view names, std::span<const RowError> rows) {
    std::map<std::size_t, std::string_view> of_rows;
    for (const RowError& row : rows) of_rows[row.row] = {};
    std::size_t at = 0;
    std::size_t passed = 0;
    for (auto& [row, name] : of_rows) {
        for (; passed < row; ++passed) at = names.find('\n', at) + 1;
        name = names.substr(at, names.find('\n', at) - at);
    }
    std::vector<std::string_view> picked;
    for (const RowError& row : rows) picked.push_back(of_rows.at(row.row));
    return picked;
}

}  // namespace

std::vector<ConversionErrors> measure_conversions(const std::string& output,
                                                  const std::vector<ConvertedTable>& tables) {
    const Sources written = open_sources(output);
    std::uint64_t bytes = 0;
    for (const ConvertedTable& table : tables) bytes += comparison_bytes(*table.source);
    Progress progress("measuring", bytes);
    std::vector<ConversionErrors> all;
    for (const ConvertedTable& table : tables) {
        const auto is_it = [&](const auto& source) { return source->description().name == table.table.name; };
        const auto found = std::find_if(written.begin(), written.end(), is_it);
        if (found == written.end()) fail(output, ": was replaced while it was measured");
        ConversionErrors errors = {.rows = compare_tables(*table.source, **found, progress).errors};
        const std::string_view names = table.table.row_names;
        if (!names.empty()) errors.worst_row_names = pick_names(names, errors.rows.worst());
        all.push_back(std::move(errors));
    }
    return all;
}

std::string conversion_page(const std::string& output, const std::vector<ConvertedTable>& tables,
                            const std::vector<ConversionErrors>& errors) {
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    for (const ConvertedTable& table : tables) {
        before += stored_bytes(table.source->description().shape);
        after += stored_bytes(table.table.shape);
    }
    std::string body = html_element(
        "p", std::to_string(tables.size()) + (tables.size() == 1 ? " table: " : " tables: ") + human_bytes(before) +
                 " of rows before, " + human_bytes(after) + " after (" + percent(after, before) + ").");
    body += overview(tables, errors) + slowest(tables);
    for (std::size_t i = 0; i < tables.size(); ++i) body += section(tables[i], errors[i]);
    return html_page(one_line(file_name_of(output)) + ": what convert did", body);
}

}  // namespace rowpool::tools
