// The transforms of `convert`: options of nn.Embedding, pruning, and reordering of rows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/convert/max_norm.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// The command line. Each text is a value for all tables, or "TABLE=VALUE" for one.
struct TransformOptions {
    std::vector<std::string> padding;      ///< ids
    std::vector<std::string> max_norm;     ///< norms
    double norm_type = 2;                  ///< the p of max_norm
    std::vector<std::string> prune_below;  ///< norms
    std::vector<std::string> keep;         ///< paths of .npy files with ids
    std::string order_by_trace;            ///< path of a trace; empty for none
};

/// The transformed sources of one conversion. Owns the sources that it creates.
class Transforms {
public:
    /// A table to convert, with its new name.
    struct Input {
        std::string name;
        const Source* source;
    };

    /// Creates the sources. Transforms are applied in this order: max_norm, pruning, reordering, padding index. Reads
    /// the trace, and all rows of tables that are pruned by norm. Fails when a value names no table, is malformed, or
    /// does not suit its table. Temporary files go to the folder of `output`.
    Transforms(const TransformOptions& options, const std::vector<Input>& tables, const std::string& output);

    /// The source to convert for the table at that position.
    const Source& source(std::size_t table) const { return *sources_[table]; }

private:
    Sources made_;
    std::vector<const Source*> sources_;
};

}  // namespace rowpool::tools
