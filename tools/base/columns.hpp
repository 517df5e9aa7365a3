// Tables of text on standard output.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace rowpool::tools {

/// A column: its heading, and whether it holds numbers, which are aligned to the right.
struct Column {
    const char* heading;
    bool numeric = true;
};

/// Prints the headings and the lines on standard output, each column as wide as its longest text. Every line has one
/// text per column; a UTF-8 character counts as one position.
void print_aligned(std::span<const Column> columns, const std::vector<std::vector<std::string>>& lines);

}  // namespace rowpool::tools
