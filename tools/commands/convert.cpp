// rowpool convert: tables of any input format into one table file.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/table_file_writer.hpp"
#include "rowpool/types.hpp"
#include "support/output_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/convert_options.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/convert/conversion_report.hpp"
#include "tools/convert/converter.hpp"
#include "tools/convert/first_rows.hpp"
#include "tools/convert/join.hpp"
#include "tools/convert/planner.hpp"
#include "tools/convert/selection.hpp"
#include "tools/convert/targets.hpp"
#include "tools/convert/transforms.hpp"
#include "tools/inputs/open_sources.hpp"
#include "tools/inputs/reading.hpp"

namespace rowpool::tools {

namespace {

Sources open_all(ConvertOptions& options) {
    Sources all;
    for (const std::string& path : options.inputs) {
        for (std::unique_ptr<Source>& source : open_sources(path, options.reading)) all.push_back(std::move(source));
    }
    options.reading.packed.require_all_used();
    return join_tables(std::move(all), options.joins, options.reading);
}

void print_summary(const Target& target, const WrittenRows& written) {
    const TableShape& from = target.source->description().shape;
    const TableShape& to = target.table.shape;
    std::cout << printable(target.table.name) << ": " << to.rows << " x " << to.dim << ", " << to_string(from.format)
              << " -> " << to_string(to.format) << ", " << human_bytes(stored_bytes(from)) << " -> "
              << human_bytes(stored_bytes(to));
    if (!target.table.remap.empty()) std::cout << ", for " << target.table.remap.size() << " ids";
    if (written.error) {
        std::cout << ", largest error " << short_number(written.error->max_abs) << ", relative error "
                  << short_number(written.error->relative_l2);
    }
    if (written.zeroed != 0) std::cout << ", " << written.zeroed << " bad rows set to zeros";
    if (!target.reason.empty()) std::cout << "; " << target.reason;
    std::cout << '\n';
}

/// A report is a new file: it must not take the place of what is read or of the tables.
void check_report_path(const ConvertOptions& options) {
    const auto place = [](const std::string& path) { return weakly_canonical(std::filesystem::absolute(path)); };
    std::vector<std::string> taken = options.inputs;
    taken.push_back(options.output);
    for (const std::string& path : taken) {
        if (place(path) == place(options.report)) fail(options.report, ": the report would replace ", path);
    }
}

void write_report(support::OutputFile& file, const ConvertOptions& options,
                  const std::vector<ConvertedTable>& converted) {
    try {
        const std::string page =
            conversion_page(options.output, converted, measure_conversions(options.output, converted));
        check(file.write_at(0, std::as_bytes(std::span(page))));
        check(file.commit());
    } catch (const Failure& failure) {
        fail("wrote ", options.output, ", but not its report: ", failure.what());
    }
}

void write_targets(const std::vector<Target>& targets, const ConvertOptions& options) {
    std::vector<NewTable> tables;
    for (const Target& target : targets) tables.push_back(target.table);
    const std::uint64_t total = source_bytes(targets);
    std::optional<support::OutputFile> report;
    if (!options.report.empty()) report = value_of(support::OutputFile::create(options.report));
    std::vector<WrittenRows> written;
    std::vector<ConvertedTable> converted;
    {
        TableFileWriter writer = value_of(TableFileWriter::create(options.output, std::move(tables)));
        DropBehind behind(total);
        Progress progress("converting", total);
        for (const Target& target : targets) {
            const auto start = std::chrono::steady_clock::now();
            written.push_back(write_rows(*target.source, target.coding, options.on_bad_row, writer, behind, progress));
            if (written.back().error) writer.set_error(written.size() - 1, *written.back().error);
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            converted.push_back({target.source, target.table, target.reason, elapsed.count()});
        }
        check(writer.finish());
    }
    if (report) write_report(*report, options, converted);
    for (std::size_t i = 0; i < targets.size(); ++i) print_summary(targets[i], written[i]);
    flush_summary(options.output);
}

/// On standard error, because a table that is not there is not what somebody looks for in the list of those that are.
void print_findings(const ConvertOptions& options) {
    static constexpr std::size_t kMostLines = 10;
    for (const std::string& note : options.reading.notes) std::cerr << "rowpool: " << one_line(note) << '\n';
    const std::vector<LeftOut> left_out = meant(options.selection, options.reading.left_out);
    for (std::size_t i = 0; i < left_out.size() && i < kMostLines; ++i) {
        const std::string line = left_out[i].file + ": left out: " + text_of(left_out[i]);
        std::cerr << "rowpool: " << one_line(line) << '\n';
    }
    if (left_out.size() <= kMostLines) return;
    std::cerr << "rowpool: left out: " << left_out.size() - kMostLines << " more; rowpool inspect lists them all\n";
}

void convert(ConvertOptions& options) {
    catch_interrupts();
    if (!options.report.empty()) check_report_path(options);
    if (options.rows.names.empty()) options.reading.limit = options.rows.limit;  // else there is a name for every row
    options.reading.joins = !options.joins.empty();
    const Sources sources = open_all(options);
    std::vector<Target> targets = choose_targets(sources, options.selection, options.coding, options.reading);
    const RowSources chosen = apply_row_options(options.rows, targets);
    const Transforms transforms = transform(options.transforms, options.output, targets);
    plan_codings(options.budget, options.coding, targets);
    if (options.on_bad_row == OnBadRow::f16) fall_back_to_f16(targets);
    write_targets(targets, options);
    print_findings(options);
}

}  // namespace

void add_convert(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("convert", "Convert tables into one table file");
    const auto options = std::make_shared<ConvertOptions>();
    add_convert_options(command, *options);
    command.callback([options] { convert(*options); });
}

}  // namespace rowpool::tools
