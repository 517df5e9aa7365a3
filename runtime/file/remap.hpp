// Validates a remap, which holds the row of each id.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace rowpool::file {

/// The first id whose row is neither -1 nor below `rows`; the number of ids when there is none.
inline std::size_t find_wrong_id(std::span<const std::int32_t> remap, std::size_t rows) noexcept {
    const auto is_wrong = [rows](std::int32_t row) {
        return row < -1 || (row >= 0 && static_cast<std::size_t>(row) >= rows);
    };
    return static_cast<std::size_t>(std::find_if(remap.begin(), remap.end(), is_wrong) - remap.begin());
}

inline std::string wrong_id(std::size_t id, std::int32_t row, std::size_t rows) {
    return "id " + std::to_string(id) + " is row " + std::to_string(row) + ", which is not in [-1, " +
           std::to_string(rows) + ")";
}

}  // namespace rowpool::file
