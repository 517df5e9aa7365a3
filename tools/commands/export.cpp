// rowpool export: a table decoded to f32, as .npy.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rowpool/quantize.hpp"
#include "rowpool/table_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/options.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/inputs/numpy/npy.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{4} << 20;

struct ExportOptions {
    std::string file;
    std::string table;
    std::string output;
};

void write_decoded(const Table& table, NpyWriter& out) {
    const std::size_t step = rows_in(kBlockBytes, table.dim());
    std::vector<float> block(std::min(step, table.num_ids()) * table.dim());
    Progress progress("exporting", table.num_ids() * table.dim() * sizeof(float));
    for (std::size_t row = 0; row < table.num_ids(); row += step) {
        const std::span<float> values = std::span(block).first(std::min(step, table.num_ids() - row) * table.dim());
        check(dequantize_rows(table, row, values));
        out.append(std::as_bytes(values));
        progress.advance(values.size_bytes());
    }
}

void export_table(const ExportOptions& options) {
    catch_interrupts();
    const Table table = value_of(open_table_file(options.file, ReadAhead::on).table(options.table));
    const std::array shape = {table.num_ids(), table.dim()};
    NpyWriter out(options.output, "<f4", shape);
    write_decoded(table, out);
    out.commit();
    std::cout << one_line(options.output) << ": " << table.num_ids() << " x " << table.dim() << " f32 decoded from "
              << to_string(table.format()) << '\n';
    flush_summary(options.output);
}

}  // namespace

void add_export(CLI::App& app) {
    CLI::App& command =
        *app.add_subcommand("export", "Write a table, decoded to f32, as .npy; ids that were pruned are rows of zeros");
    const auto options = std::make_shared<ExportOptions>();
    command.add_option("FILE", options->file, "Table file")->required()->type_name("");
    command.add_option("TABLE", options->table, "Name of the table")->required()->type_name("");
    add_output(command, options->output, "The .npy file to write");
    command.callback([options] { export_table(*options); });
}

}  // namespace rowpool::tools
