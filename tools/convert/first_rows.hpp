// The options --limit and --names: fewer rows, and names for rows.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/convert/targets.hpp"
#include "tools/inputs/words/name_list.hpp"

namespace rowpool::tools {

struct RowOptions {
    std::string names;  ///< path of a text with one line per row; empty to keep the names of the input
    std::optional<std::size_t> limit;
};

/// Owns the sources that options have changed. Must outlive the targets.
struct RowSources {
    std::vector<std::unique_ptr<Source>> sources;
    RowNames names;
};

/// Gives names to the rows of the only target, then takes the first rows of all targets. Fails when there are several
/// targets to name, when the numbers of names and rows differ, or when a table to shorten has a remap.
RowSources apply_row_options(const RowOptions& options, std::vector<Target>& targets);

}  // namespace rowpool::tools
