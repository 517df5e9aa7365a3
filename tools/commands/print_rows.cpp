// Rows of a table as text.
#include "tools/commands/print_rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "rowpool/quantize.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kRowsUnlessTold = 10;

struct Range {
    std::size_t first;
    std::size_t last;
};

/// "FIRST" or "FIRST-LAST", whole numbers.
std::optional<Range> parse_range(std::string_view text) {
    Range range = {};
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, range.first);
    if (first.ec != std::errc()) return {};
    range.last = range.first;
    if (first.ptr == end) return range;
    if (*first.ptr != '-') return {};
    const auto last = std::from_chars(first.ptr + 1, end, range.last);
    if (last.ec != std::errc() || last.ptr != end) return {};
    return range;
}

struct Choice {
    std::size_t table;
    Range rows;
};

std::optional<std::size_t> position_of(const TableFile& file, std::string_view name) {
    const auto named = [&](const Table& table) { return table.name() == name; };
    const auto found = std::find_if(file.tables().begin(), file.tables().end(), named);
    if (found == file.tables().end()) return {};
    return static_cast<std::size_t>(found - file.tables().begin());
}

Choice choose(const TableFile& file, const std::string& text) {
    if (const std::optional<std::size_t> table = position_of(file, text)) {
        return {*table, {0, std::min(kRowsUnlessTold, file.tables()[*table].num_ids()) - 1}};
    }
    const std::size_t colon = text.rfind(':');
    const std::optional<Range> rows =
        colon == std::string::npos ? std::nullopt : parse_range(std::string_view(text).substr(colon + 1));
    const std::string name = rows ? text.substr(0, colon) : text;
    const Table table = value_of(file.table(name));
    if (rows->first > rows->last || rows->last >= table.num_ids()) {
        fail(file.path(), ": table ", printable(name), " has no rows ", rows->first, " to ", rows->last, "; it has ",
             table.num_ids());
    }
    return {*position_of(file, name), *rows};
}

std::string shortest(float value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace

void print_rows(const TableFile& file, const std::string& text) {
    const Choice choice = choose(file, text);
    const Table& table = file.tables()[choice.table];
    if (table.num_ids() == 0) return;
    const std::vector<std::string_view> names = value_of(file.row_names(choice.table));
    std::vector<float> values(table.dim());
    for (std::size_t row = choice.rows.first; row <= choice.rows.last; ++row) {
        check(dequantize_rows(table, row, values));
        std::cout << row;
        if (!names.empty()) std::cout << ' ' << printable(names[row]);
        std::cout << ':';
        for (const float value : values) std::cout << ' ' << shortest(value);
        std::cout << '\n';
    }
}

}  // namespace rowpool::tools
