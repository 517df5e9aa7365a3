// Self-contained web pages, with inline style and without scripts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/base/columns.hpp"

namespace rowpool::tools {

/// Escapes a text for an element or a quoted attribute.
std::string html_escaped(std::string_view text);

/// "<tag>text</tag>" and a newline; the text is escaped.
std::string html_element(const std::string& tag, std::string_view text);

/// A table of texts, as print_aligned() takes them.
std::string html_table(std::span<const Column> columns, const std::vector<std::vector<std::string>>& lines);

/// A complete page: a heading, and below it `body`, which is HTML.
std::string html_page(std::string_view title, const std::string& body);

}  // namespace rowpool::tools
