// What --limit and --names make of the tables to write: fewer rows, and names for them.
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
    std::string names;  ///< path of a text, a line a row; empty when rows keep the names they have
    std::optional<std::size_t> limit;
};

/// The sources of the targets that options have changed. They must outlive the targets.
struct RowSources {
    std::vector<std::unique_ptr<Source>> sources;
    RowNames names;
};

/// Gives names to the rows of the one target, then takes the first rows of all targets. Fails when there are several
/// targets to name, or not as many names as rows, or rows with a remap to take.
RowSources choose_rows(const RowOptions& options, std::vector<Target>& targets);

}  // namespace rowpool::tools
