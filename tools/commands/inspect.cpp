// rowpool inspect: what is in a table file, as text, JSON or pictures.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/mapped_file.hpp"
#include "support/output_file.hpp"
#include "tools/base/columns.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/charts/html.hpp"
#include "tools/charts/table_charts.hpp"
#include "tools/commands/commands.hpp"
#include "tools/commands/print_rows.hpp"
#include "tools/commands/reading_options.hpp"
#include "tools/commands/standard_output.hpp"
#include "tools/convert/selection.hpp"
#include "tools/inputs/open_sources.hpp"
#include "tools/inputs/reading.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

struct InspectOptions {
    std::string file;
    std::string rows;
    std::string plot;
    bool json = false;
    Reading reading;
};

struct FileSizes {
    std::uint64_t file;
    std::uint64_t header;  ///< the length before it included
};

/// Of a file that TableFile has accepted: it begins with the length of its header, unless it changed meanwhile.
FileSizes sizes_of(const std::string& path) {
    const support::MappedFile file = value_of(support::MappedFile::open(path));
    std::uint64_t header = 0;
    if (file.bytes().size() < sizeof header) fail(path, ": was cut short while it was read");
    std::memcpy(&header, file.bytes().data(), sizeof header);
    return {file.bytes().size(), sizeof header + header};
}

constexpr std::array kColumns = {Column{"table", false},
                                 Column{"rows"},
                                 Column{"dim"},
                                 Column{"format", false},
                                 Column{"bytes"},
                                 Column{"share"},
                                 Column{"ids"},
                                 Column{"hot rows"},
                                 Column{"padding"},
                                 Column{"names", false},
                                 Column{"quantization", false},
                                 Column{"max error"},
                                 Column{"relative L2"},
                                 Column{"source", false}};

std::string or_dash(const std::string& text) { return text.empty() ? "-" : printable(text); }

std::vector<std::string> describe(const TableFile& file, std::size_t position, std::uint64_t file_bytes) {
    const Table& table = file.tables()[position];
    const TableOrigin& origin = file.origin(position);
    const double share = 100.0 * static_cast<double>(bytes_of(table).size()) / static_cast<double>(file_bytes);
    return {printable(table.name()),
            std::to_string(table.rows()),
            std::to_string(table.dim()),
            std::string(to_string(table.format())),
            std::to_string(bytes_of(table).size()),
            short_number(share) + "%",
            table.remap().empty() ? "-" : std::to_string(table.num_ids()),
            file.hot_rows(position) ? std::to_string(*file.hot_rows(position)) : "-",
            table.padding_index() ? std::to_string(*table.padding_index()) : "-",
            file.has_row_names(position) ? "yes" : "-",
            or_dash(origin.quantization),
            origin.error ? short_number(origin.error->max_abs) : "-",
            origin.error ? short_number(origin.error->relative_l2) : "-",
            or_dash(origin.source)};
}

std::vector<std::vector<std::string>> describe_all(const TableFile& file, const FileSizes& sizes) {
    std::vector<std::vector<std::string>> lines;
    for (std::size_t i = 0; i < file.tables().size(); ++i) lines.push_back(describe(file, i, sizes.file));
    return lines;
}

std::string summary_of(const TableFile& file, const FileSizes& sizes) {
    return std::to_string(sizes.file) + " bytes, header " + std::to_string(sizes.header) + ", " +
           (file.has_metadata() ? "written by rowpool, with checksums" : "safetensors without rowpool metadata");
}

/// What an input holds, for those that are no table files.
struct Listing {
    std::vector<const Source*> tables;
    std::vector<LeftOut> left_out;
};

Listing list_of(const std::string& path, const Sources& sources, Reading& reading) {
    Listing listing;
    for (const std::unique_ptr<Source>& source : sources) {
        const TableShape& shape = source->description().shape;
        const std::string reason = reason_to_leave(*source, reading.left_out);
        if (reason.empty()) {
            listing.tables.push_back(source.get());
        } else {
            const std::string kind = std::string(to_string(shape.format)) + " " + std::to_string(shape.rows) + " x " +
                                     std::to_string(shape.dim);
            listing.left_out.push_back({path, source->description().name, kind, reason});
        }
    }
    listing.left_out.insert(listing.left_out.begin(), reading.left_out.begin(), reading.left_out.end());
    return listing;
}

void print_left_out(const std::vector<LeftOut>& left_out) {
    for (const LeftOut& tensor : left_out) std::cout << "left out: " << one_line(text_of(tensor)) << '\n';
}

nlohmann::ordered_json left_out_json(const std::vector<LeftOut>& left_out) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const LeftOut& tensor : left_out) {
        json.push_back({{"name", tensor.name}, {"kind", tensor.kind}, {"reason", tensor.reason}});
    }
    return json;
}

/// What else is in a safetensors file that rowpool did not write.
struct Rest {
    std::vector<std::string> for_convert_alone;  ///< tables that convert makes of tensors which are none of the file
    std::vector<LeftOut> left_out;
};

Rest rest_of(const TableFile& file) {
    if (file.has_metadata()) return {};
    Reading reading;
    reading.lists = true;
    const Sources sources = open_sources(file.path(), reading);
    const Listing listing = list_of(file.path(), sources, reading);
    Rest rest = {{}, listing.left_out};
    std::set<std::string_view> tables;
    for (const Table& table : file.tables()) tables.insert(table.name());
    for (const Source* source : listing.tables) {
        const std::string& name = source->description().name;
        if (!tables.contains(name)) rest.for_convert_alone.push_back(name);
    }
    return rest;
}

void print_rest(const Rest& rest) {
    for (const std::string& name : rest.for_convert_alone) {
        std::cout << "a table for rowpool convert alone: " << printable(name) << '\n';
    }
    print_left_out(rest.left_out);
}

void print_text(const TableFile& file, const FileSizes& sizes) {
    std::cout << one_line(file.path()) << ": " << summary_of(file, sizes) << '\n';
    print_aligned(kColumns, describe_all(file, sizes));
}

nlohmann::ordered_json table_json(const TableFile& file, std::size_t position) {
    const Table& table = file.tables()[position];
    const TableOrigin& origin = file.origin(position);
    nlohmann::ordered_json json = {{"name", table.name()},
                                   {"rows", table.rows()},
                                   {"dim", table.dim()},
                                   {"format", to_string(table.format())},
                                   {"row_stride", table.row_stride()},
                                   {"bytes", bytes_of(table).size()},
                                   {"ids", table.num_ids()},
                                   {"hot_rows", nullptr},
                                   {"padding_index", nullptr},
                                   {"has_row_names", file.has_row_names(position)},
                                   {"quantization", origin.quantization},
                                   {"error", nullptr},
                                   {"source", origin.source}};
    if (file.hot_rows(position)) json["hot_rows"] = *file.hot_rows(position);
    if (table.padding_index()) json["padding_index"] = *table.padding_index();
    if (origin.error) json["error"] = {{"max_abs", origin.error->max_abs}, {"relative_l2", origin.error->relative_l2}};
    return json;
}

void print_json(const TableFile& file, const FileSizes& sizes, const Rest& rest) {
    nlohmann::ordered_json json = {{"file", file.path()},
                                   {"bytes", sizes.file},
                                   {"header_bytes", sizes.header},
                                   {"has_metadata", file.has_metadata()},
                                   {"tables", nlohmann::ordered_json::array()}};
    for (std::size_t i = 0; i < file.tables().size(); ++i) json["tables"].push_back(table_json(file, i));
    json["for_convert_alone"] = rest.for_convert_alone;
    json["left_out"] = left_out_json(rest.left_out);
    // A path need not be UTF-8; what is not becomes the replacement character.
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

bool is_png(const std::string& path) { return std::filesystem::path(path).extension() == ".png"; }

/// Says what is wrong with a path that no picture can have; empty when nothing is.
std::string check_plot(const std::string& path) {
    return is_png(path) || std::filesystem::path(path).extension() == ".html" ? "" : "must end in .html or .png";
}

void write_plot(const TableFile& file, const FileSizes& sizes, const std::string& path) {
    catch_interrupts();
    support::OutputFile out = value_of(support::OutputFile::create(path));
    const std::string title = one_line(std::filesystem::path(file.path()).filename().string());
    std::vector<ChartedTable> tables = chart_tables(file);
    if (is_png(path)) {
        check(out.write_at(0, png_of(title, std::move(tables))));
    } else {
        const std::string overview =
            html_element("p", summary_of(file, sizes)) + html_table(kColumns, describe_all(file, sizes));
        const std::string page = html_of(title, overview, tables);
        check(out.write_at(0, std::as_bytes(std::span(page))));
    }
    check(out.commit());
}

void print_listing(const std::string& path, std::uint64_t bytes, const Listing& listing) {
    static constexpr std::array kInputColumns = {Column{"table", false},  Column{"rows"},  Column{"dim"},
                                                 Column{"format", false}, Column{"bytes"}, Column{"names", false}};
    std::cout << one_line(path) << ": " << bytes << " bytes, no table file; rowpool convert would make "
              << listing.tables.size() << (listing.tables.size() == 1 ? " table" : " tables") << " of it\n";
    std::vector<std::vector<std::string>> lines;
    for (const Source* source : listing.tables) {
        const NewTable& table = source->description();
        lines.push_back({printable(table.name), std::to_string(table.shape.rows), std::to_string(table.shape.dim),
                         std::string(to_string(table.shape.format)), std::to_string(stored_bytes(table.shape)),
                         table.row_names.empty() ? "-" : "yes"});
    }
    if (!lines.empty()) print_aligned(kInputColumns, lines);
    print_left_out(listing.left_out);
}

void print_listing_json(const std::string& path, std::uint64_t bytes, const Listing& listing) {
    nlohmann::ordered_json json = {{"file", path}, {"bytes", bytes}, {"is_table_file", false}};
    json["tables"] = nlohmann::ordered_json::array();
    for (const Source* source : listing.tables) {
        const NewTable& table = source->description();
        json["tables"].push_back({{"name", table.name},
                                  {"rows", table.shape.rows},
                                  {"dim", table.shape.dim},
                                  {"format", to_string(table.shape.format)},
                                  {"bytes", stored_bytes(table.shape)},
                                  {"has_row_names", !table.row_names.empty()},
                                  {"source", table.source}});
    }
    json["left_out"] = left_out_json(listing.left_out);
    std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

/// Any other file that convert reads.
void inspect_input(const InspectOptions& options) {
    catch_interrupts();
    Reading reading = options.reading;
    reading.lists = true;
    const Sources sources = open_sources(options.file, reading);
    const Listing listing = list_of(options.file, sources, reading);
    const std::uint64_t bytes = value_of(support::MappedFile::open(options.file)).bytes().size();
    options.json ? print_listing_json(options.file, bytes, listing) : print_listing(options.file, bytes, listing);
}

bool is_table_file(const InspectOptions& options) {
    return !options.rows.empty() || !options.plot.empty() || TableFile::open(options.file);
}

void inspect(const InspectOptions& options) {
    if (!is_table_file(options) && !is_safetensors_file(options.file)) return inspect_input(options);
    const TableFile file = open_table_file(options.file);
    if (!options.rows.empty()) return print_rows(file, options.rows);
    const FileSizes sizes = sizes_of(options.file);
    if (!options.plot.empty()) write_plot(file, sizes, options.plot);
    const Rest rest = rest_of(file);
    options.json ? print_json(file, sizes, rest) : print_text(file, sizes);
    if (!options.json) print_rest(rest);
    if (options.plot.empty()) return;
    std::cout << "wrote " << one_line(options.plot) << '\n';
    flush_summary(options.plot);
}

}  // namespace

void add_inspect(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("inspect", "List the tables of a file, or what convert would make of it");
    const auto options = std::make_shared<InspectOptions>();
    command.add_option("FILE", options->file, "Table file, or any file that convert reads")->required()->type_name("");
    CLI::Option* json = command.add_flag("--json", options->json, "Print JSON");
    CLI::Option* rows = command
                            .add_option("--rows", options->rows,
                                        "Print these rows of a table instead, decoded; the first 10 unless told")
                            ->type_name("TABLE[:FIRST[-LAST]]");
    CLI::Option* plot = command
                            .add_option("--plot", options->plot,
                                        "Also draw each table's values, row norms and quantization steps, of a "
                                        "sample of its rows if it is large")
                            ->type_name("OUT.html|OUT.png")
                            ->check(CLI::Validator(check_plot, ""));
    add_reading_options(command, options->reading);
    rows->excludes(json)->excludes(plot);
    plot->excludes(json);
    command.callback([options] { inspect(*options); });
}

}  // namespace rowpool::tools
