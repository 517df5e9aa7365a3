// How inputs are read: what the command line says of them, and what came up that the person should know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/inputs/packed.hpp"

namespace rowpool::tools {

/// Whether rows of text begin with names; unless said, the text decides, and is refused where it does not.
enum class NamesColumn : std::uint8_t { unsaid, yes, no };
std::optional<NamesColumn> parse_names_column(std::string_view name) noexcept;

/// What a line of text that is no row does: fails the conversion, or is passed over and counted.
enum class OnBadLine : std::uint8_t { fail, skip };
std::optional<OnBadLine> parse_on_bad_line(std::string_view name) noexcept;

/// A tensor that looks like an embedding and does not become a table.
struct LeftOut {
    std::string file;
    std::string name;
    std::string kind;  ///< element type and shape: "int8 20 x 8"
    std::string reason;
};

/// "NAME (KIND): REASON".
std::string text_of(const LeftOut& left_out);

/// The options and the findings of one command. Not thread safe.
struct Reading {
    PackedRows packed;
    NamesColumn names_column = NamesColumn::unsaid;
    OnBadLine on_bad_line = OnBadLine::fail;
    /// Only so many rows of each table are wanted: a reader need not look at the others.
    std::optional<std::size_t> limit = {};
    bool joins = false;  ///< tables are joined: small matrices that are left out matter, too
    bool lists = false;  ///< what there is shall be listed: a file without a table is no error
    std::vector<LeftOut> left_out;
    std::size_t left_out_before = 0;  ///< of other inputs than the one that is read
    std::vector<std::string> notes;   ///< lines about what was read otherwise than it stands in a file
};

/// Records a tensor that is no table, if it looks like an embedding: a matrix, or a stack of them, of numbers, with
/// more than a few rows.
void leave_out(Reading& reading, const std::string& file, std::string_view name, std::string_view type,
               std::span<const std::uint64_t> shape, const std::string& reason);

/// Why a tensor of that type and shape is no table, and what to do about it.
std::string reason_for(std::string_view type, std::span<const std::uint64_t> shape);

/// Fails for a file in which no table was found, unless all is to be listed: says what is there instead.
void refuse_empty(const Reading& reading, const std::string& file, std::string_view wanted);

}  // namespace rowpool::tools
