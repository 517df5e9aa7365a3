// The options of `rowpool convert`.
#pragma once

#include <string>
#include <vector>

#include "tools/convert/converter.hpp"
#include "tools/convert/first_rows.hpp"
#include "tools/convert/planner.hpp"
#include "tools/convert/selection.hpp"
#include "tools/convert/targets.hpp"
#include "tools/convert/transforms.hpp"
#include "tools/inputs/reading.hpp"

namespace CLI {
class App;
}

namespace rowpool::tools {

struct ConvertOptions {
    std::vector<std::string> inputs;
    std::string output;
    std::string report;
    WantedCoding coding;
    Selection selection;
    std::vector<std::string> joins;
    Reading reading;
    BudgetOptions budget;
    RowOptions rows;
    TransformOptions transforms;
    OnBadRow on_bad_row = OnBadRow::fail;
};

/// Defines the options and the help of the command. `options` must live as long as the command.
void add_convert_options(CLI::App& command, ConvertOptions& options);

}  // namespace rowpool::tools
