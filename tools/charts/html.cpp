// Web pages that need no other file: the style is in them, and there is no script.
#include "tools/charts/html.hpp"

#include "rowpool/rowpool.hpp"

namespace rowpool::tools {

namespace {

constexpr const char* kStyle = R"(
body { max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: #222; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 0; } h3 { font-size: 1rem; margin: 1rem 0 0; }
h1, h2, p { overflow-wrap: anywhere; } p { margin: 0.2rem 0; } footer { margin-top: 3rem; color: #777; }
svg { font-family: system-ui, sans-serif; margin-top: 0.4rem; max-width: 100%; }
table { border-collapse: collapse; margin: 0.6rem 0; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 14px 2px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
th { color: #555; font-weight: 600; } .word { text-align: left; }
.scroll { overflow-x: auto; } .beside { display: flex; flex-wrap: wrap; gap: 2rem; }
)";

}  // namespace

std::string html_escaped(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        switch (character) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += character;
        }
    }
    return escaped;
}

std::string html_element(const std::string& tag, std::string_view text) {
    return "<" + tag + ">" + html_escaped(text) + "</" + tag + ">\n";
}

std::string html_table(std::span<const Column> columns, const std::vector<std::vector<std::string>>& lines) {
    const auto cell = [&](const std::string& tag, std::size_t column, std::string_view text) {
        return "<" + tag + (columns[column].numeric ? ">" : " class=\"word\">") + html_escaped(text) + "</" + tag + ">";
    };
    std::string table = "<div class=\"scroll\"><table>\n<tr>";
    for (std::size_t i = 0; i < columns.size(); ++i) table += cell("th", i, columns[i].heading);
    for (const std::vector<std::string>& line : lines) {
        table += "</tr>\n<tr>";
        for (std::size_t i = 0; i < columns.size(); ++i) table += cell("td", i, line[i]);
    }
    return table + "</tr>\n</table></div>\n";
}

std::string html_page(std::string_view title, const std::string& body) {
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" + html_element("title", title) +
           "<style>" + kStyle + "</style>\n</head>\n<body>\n" + html_element("h1", title) + body +
           html_element("footer", std::string("Made by rowpool ") + version() + ".") + "</body>\n</html>\n";
}

}  // namespace rowpool::tools
