// What --limit and --names make of the tables to write: fewer rows, and names for them.
#include "tools/convert/first_rows.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "support/mapped_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/converter.hpp"
#include "tools/inputs/described_source.hpp"
#include "tools/inputs/input_file.hpp"

namespace rowpool::tools {

namespace {

std::string_view take_whole_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// A name a line. Of the columns of a .tsv, as the embedding projector takes them, it is the first; where there are
/// several, the first line has their titles.
RowNames read_names(const std::string& path, std::size_t rows) {
    const support::MappedFile file = open_input(path);
    std::string_view rest = as_text(file.bytes());
    if (rest.find('\0') != rest.npos) fail(path, ": a NUL byte; names are text, a line a row");
    if (rest.starts_with('{') || rest.starts_with("[\"")) fail(path, ": JSON; names are text, a line a row");
    const bool columns = uncompressed_name(path).ends_with(".tsv");
    if (columns && rest.substr(0, rest.find('\n')).find('\t') != rest.npos) take_whole_line(rest);
    NameList names;
    std::size_t count = 0;
    for (; !rest.empty(); ++count) {
        if (count % 1024 == 0) stop_if_interrupted();
        const std::string_view line = take_whole_line(rest);
        names.append(columns ? line.substr(0, line.find('\t')) : line);
    }
    if (count != rows) fail(path, ": ", count, " names for ", rows, " rows");
    return names.take();
}

/// The first rows, which have the first names.
NewTable limited(const Source& source, std::size_t rows) {
    NewTable table = source.description();
    if (!table.remap.empty()) {
        fail(source.file(), ": table ", printable(table.name),
             ": its rows are not in the order of ids; --keep takes some");
    }
    std::size_t end = 0;
    for (std::size_t row = 0; row < rows && end != std::string_view::npos; ++row) {
        end = table.row_names.find('\n', end + (row == 0 ? 0 : 1));
    }
    table.shape.rows = rows;
    table.row_names = table.row_names.substr(0, end);
    if (table.shape.padding_index && static_cast<std::size_t>(*table.shape.padding_index) >= rows) {
        table.shape.padding_index.reset();
    }
    if (table.hot_rows) table.hot_rows = std::min(*table.hot_rows, rows);
    return table;
}

void put(RowSources& made, Target& target, NewTable description) {
    made.sources.push_back(std::make_unique<DescribedSource>(*target.source, std::move(description)));
    target.source = made.sources.back().get();
    std::string name = std::move(target.table.name);
    target.table = describe_target(*target.source, target.coding);
    target.table.name = std::move(name);
}

}  // namespace

RowSources apply_row_options(const RowOptions& options, std::vector<Target>& targets) {
    RowSources made;
    if (!options.names.empty()) {
        std::vector<std::string_view> tables;
        for (const Target& target : targets) tables.emplace_back(target.table.name);
        if (targets.size() > 1)
            fail("--names is for the rows of one table; choose it with --table, of ", listed(tables));
        NewTable table = targets.front().source->description();
        made.names = read_names(options.names, table.num_ids());
        table.row_names = made.names.text;
        put(made, targets.front(), std::move(table));
    }
    for (Target& target : targets) {
        if (!options.limit || *options.limit >= target.table.shape.rows) continue;
        put(made, target, limited(*target.source, *options.limit));
    }
    return made;
}

}  // namespace rowpool::tools
