// The targets of a conversion: tables to write, with their sources and codings.
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
    std::string reason = {};  ///< why it has that coding, if options do not name it
};

/// One --format-of option.
struct FormatOf {
    std::string pattern;  ///< of new table names; see matches()
    RowFormat format;
};

/// The options --format, --format-of and --method.
struct WantedCoding {
    std::optional<RowFormat> format;  ///< nothing: coded rows are kept, others become int8
    QuantizationMethod method = QuantizationMethod::min_max;
    std::vector<FormatOf> format_of;  ///< override `format` for some tables; the last match counts
};

/// The format that --format-of gives to a table of that name.
std::optional<RowFormat> format_of(const WantedCoding& wanted, const std::string& name);

/// The selected tables with their codings. Fails when a coding does not exist, or a pattern of --format-of matches no
/// table.
std::vector<Target> choose_targets(const Sources& sources, const Selection& selection, const WantedCoding& coding,
                                   Reading& reading);

/// Bytes of all rows that a conversion reads.
std::uint64_t source_bytes(const std::vector<Target>& targets);

/// Changes the coding of a target.
void set_coding(Target& target, RowCoding coding);

/// Replaces the sources of the targets by transformed ones, which live as long as the result.
Transforms transform(const TransformOptions& options, const std::string& output, std::vector<Target>& targets);

/// Changes targets to f16 if their coding cannot represent all rows, and gives that as the reason. Reads all rows.
void fall_back_to_f16(std::vector<Target>& targets);

}  // namespace rowpool::tools
