// What `convert` changes of tables on their way: the options of nn.Embedding, pruning, and the order of rows.
#pragma once

#include <CLI/CLI.hpp>
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

void add_transform_options(CLI::App& command, TransformOptions& options);

/// The transformed sources of one conversion. It owns those that it makes.
class Transforms {
public:
    /// A table that is converted, under its new name.
    struct Input {
        std::string name;
        const Source* source;
    };

    /// Makes the sources, in this order: rows scaled to the largest norm, pruned, sorted; then the padding
    /// index. Reads the trace, and where rows are pruned by their norm all rows. Fails when a value is of no table, is
    /// none, or does not fit its table. `output` is in the folder that takes what does not fit the memory.
    Transforms(const TransformOptions& options, const std::vector<Input>& tables, const std::string& output);

    /// The source to convert for the table at that position.
    const Source& source(std::size_t table) const { return *sources_[table]; }

private:
    Sources made_;
    std::vector<const Source*> sources_;
};

}  // namespace rowpool::tools
