// Tables of text for people.
#include "tools/base/columns.hpp"

#include <algorithm>
#include <iostream>

namespace rowpool::tools {

namespace {

std::size_t width_of(const std::string& text) {
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::vector<std::string> headings(std::span<const Column> columns) {
    std::vector<std::string> line;
    for (const Column& column : columns) line.emplace_back(column.heading);
    return line;
}

void print_line(std::span<const Column> columns, std::span<const std::size_t> widths,
                const std::vector<std::string>& line) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string gap(widths[i] - width_of(line[i]), ' ');
        text += (columns[i].numeric ? gap + line[i] : line[i] + gap) + "  ";
    }
    std::cout << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
}

}  // namespace

void print_aligned(std::span<const Column> columns, const std::vector<std::vector<std::string>>& lines) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        widths.push_back(width_of(columns[i].heading));
        for (const std::vector<std::string>& line : lines) widths[i] = std::max(widths[i], width_of(line[i]));
    }
    print_line(columns, widths, headings(columns));
    for (const std::vector<std::string>& line : lines) print_line(columns, widths, line);
}

}  // namespace rowpool::tools
