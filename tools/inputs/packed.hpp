// Byte matrices that are rows in a coded format already: which ones, as the command line says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/types.hpp"

namespace rowpool::tools {

/// Ends the message of a file in which no table was found.
inline constexpr std::string_view kNoPackedRows = ", and no uint8 one that --packed NAME=FORMAT says is of coded rows";

/// The options --packed PATTERN=FORMAT. Not thread safe.
class PackedRows {
public:
    /// Adds one option; returns whether it is a pattern and the name of a coded format.
    bool add(std::string_view option);
    /// The format of the rows of a byte matrix of that name: of the first option that matches, or nothing.
    std::optional<RowFormat> take(std::string_view name);
    /// Fails when an option matched none of the matrices asked for, with the names of those that nothing matched.
    void require_all_used() const;

private:
    struct Option {
        std::string pattern;
        RowFormat format;
        bool used = false;
    };

    std::vector<Option> options_;
    std::vector<std::string> untaken_;
};

}  // namespace rowpool::tools
