// What convert writes: which tables, from where, and in which coding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "rowpool/types.hpp"
#include "tools/convert/selection.hpp"
#include "tools/convert/transforms.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// A table to write.
struct Target {
    const Source* source;
    NewTable table;
    RowCoding coding;
    std::string reason = {};  ///< why it has that coding, if it is not just what was asked for
};

/// One --format-of option.
struct FormatOf {
    std::string pattern;  ///< of names of tables, as they are written; see matches()
    RowFormat format;
};

/// What --format, --format-of and --method say.
struct WantedCoding {
    std::optional<RowFormat> format;  ///< nothing: coded rows stay as they are, others become int8
    QuantizationMethod method = QuantizationMethod::min_max;
    std::vector<FormatOf> format_of;  ///< for some tables, in the place of `format`; the last one that matches counts
};

/// The format that --format-of gives to a table of that name.
std::optional<RowFormat> format_of(const WantedCoding& wanted, const std::string& name);

/// The selected tables, in the wanted coding. Fails when there is no such coding, or a pattern of --format-of matches
/// none of them.
std::vector<Target> choose_targets(const Sources& sources, const Selection& selection, const WantedCoding& coding,
                                   Reading& reading);

/// Bytes of all rows that a conversion reads.
std::uint64_t source_bytes(const std::vector<Target>& targets);

/// Gives the target another coding.
void set_coding(Target& target, RowCoding coding);

/// Puts transformed sources, which last as long as the result, in the place of the targets' own.
Transforms transform(const TransformOptions& options, const std::string& output, std::vector<Target>& targets);

/// Makes targets f16 that have rows which their own coding cannot hold, and says so in their reason. Reads all rows.
void fall_back_to_f16(std::vector<Target>& targets);

}  // namespace rowpool::tools
