// Selects and reorders the rows of a table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The rows to write, and their order.
struct RowChoice {
    std::vector<bool> kept_ids;  ///< one per id; empty to keep all
    /// Rows that come first, in this order, without repetition; those that are not kept are skipped. Nothing: keep the
    /// order.
    std::optional<std::vector<std::int32_t>> hot;
};

/// The rows of the kept ids of `source`, hot ones first and the others in their order, with a remap from ids to rows
/// and the number of hot rows. `source` must outlive the result. The list of rows and the remap are in unnamed files in
/// the folder of `beside`, which vanish with the result. Null when nothing would change.
std::unique_ptr<Source> choose_rows(const Source& source, const RowChoice& choice, const std::string& beside);

}  // namespace rowpool::tools
