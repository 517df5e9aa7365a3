// rowpool nearest: the rows most like a bag of named rows.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/pool.hpp"
#include "rowpool/table_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/options.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/compare/nearest_rows.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

struct NearestOptions {
    std::string file;
    std::string table;
    std::vector<std::string> names;
    std::size_t count = 10;
};

using Names = std::vector<std::string_view>;

/// A table whose rows have names.
struct NamedTable {
    Table table;
    Names names;
};

NamedTable open_named(const TableFile& file, const std::string& name) {
    const Table table = value_of(file.table(name));
    const auto position = std::find_if(file.tables().begin(), file.tables().end(),
                                       [&](const Table& other) { return other.name() == name; });
    NamedTable named = {table, value_of(file.row_names(static_cast<std::size_t>(position - file.tables().begin())))};
    if (named.names.empty())
        fail(file.path(), ": table ", printable(name), " carries no row names; convert it from word vectors");
    return named;
}

[[noreturn]] void fail_unknown(const NearestOptions& options, const Names& names, const std::string& wanted) {
    static constexpr std::size_t kHints = 3;
    Names hints;
    for (std::size_t i = 0; i < names.size() && hints.size() < kHints; ++i) {
        if (names[i].find(wanted) != std::string_view::npos) hints.push_back(names[i]);
    }
    fail(options.file, ": table ", printable(options.table), " has no row named ", printable(wanted),
         hints.empty() ? "" : "; names that contain it: ", listed(hints));
}

std::vector<std::int64_t> find_rows(const NearestOptions& options, const Names& names) {
    std::vector<std::int64_t> rows;
    for (const std::string& wanted : options.names) {
        const auto row = std::find(names.begin(), names.end(), wanted);
        if (row == names.end()) fail_unknown(options, names, wanted);
        rows.push_back(row - names.begin());
    }
    return rows;
}

std::vector<float> mean_of_rows(const Table& table, const std::vector<std::int64_t>& rows) {
    std::vector<float> mean(table.dim());
    const PoolOptions options = {.mode = Pooling::mean, .padding_index = PaddingIndex::none()};
    const PoolStatus status = pool(table, Bags::fixed(rows, 1, rows.size()), options, mean);
    if (!status) fail(status.message());
    return mean;
}

void nearest(const NearestOptions& options) {
    const TableFile file = open_table_file(options.file, ReadAhead::on);
    const NamedTable named = open_named(file, options.table);
    const std::vector<float> query = mean_of_rows(named.table, find_rows(options, named.names));
    std::vector<double> scores = cosines(named.table, query);
    for (std::size_t row = 0; row < scores.size(); ++row) {
        const bool asked =
            std::find(options.names.begin(), options.names.end(), named.names[row]) != options.names.end();
        if (asked || named.names[row].empty()) scores[row] = kNoScore;
    }
    for (const std::size_t row : best_rows(scores, options.count)) {
        std::printf("%.3f  %s\n", scores[row], printable(named.names[row]).c_str());
    }
}

}  // namespace

void add_nearest(CLI::App& app) {
    CLI::App& command =
        *app.add_subcommand("nearest", "Pool the named rows (mean) and print the rows nearest to that by cosine");
    const auto options = std::make_shared<NearestOptions>();
    command.add_option("FILE", options->file, "Table file")->required()->type_name("");
    command.add_option("TABLE", options->table, "Name of the table; it must carry row names")
        ->required()
        ->type_name("");
    command.add_option("NAME", options->names, "Names of rows; of rows that share a name the first is taken")
        ->required()
        ->type_name("");
    add_integer(command, "-k", options->count, std::size_t{0}, std::numeric_limits<std::size_t>::max(),
                "How many rows to print; 10 unless given");
    command.footer("The named rows themselves are left out, as are rows without a name and rows of zeros.");
    command.callback([options] { nearest(*options); });
}

}  // namespace rowpool::tools
