// Which rows of a table are written, and in what order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// What is wanted of a source's rows.
struct RowChoice {
    std::vector<bool> kept_ids;  ///< one an id; empty to keep all
    /// Rows that come first, in this order, each once, where they are kept; nothing to leave the order as it is.
    std::optional<std::vector<std::int32_t>> hot;
};

/// The rows of `source` that kept ids have, the hot ones first and the others in their order, with the remap from ids
/// to them and the number of hot rows. `source` must outlive the result. Its rows and the remap are described by files
/// in the folder of `beside`, which have no names and go with the result. Null when nothing would change.
std::unique_ptr<Source> choose_rows(const Source& source, const RowChoice& choice, const std::string& beside);

}  // namespace rowpool::tools
