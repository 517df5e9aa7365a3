// rowpool verify: whether a file is what was written.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "commands.hpp"
#include "failure.hpp"
#include "rowpool/table_file.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

void verify(const std::string& path) {
    const TableFile file = value_of(TableFile::open(path));
    check(file.verify());
    const std::size_t bytes = value_of(MappedFile::open(path)).bytes().size();
    std::cout << one_line(path) << ": " << file.tables().size()
              << (file.tables().size() == 1 ? " table, " : " tables, ") << bytes << " bytes, "
              << (file.has_metadata() ? "all checksums match" : "no checksums to compare with") << '\n';
}

}  // namespace

void add_verify(CLI::App& app) {
    CLI::App& command = *app.add_subcommand("verify", "Read a whole table file and compare it with its checksums");
    const auto path = std::make_shared<std::string>();
    command.add_option("FILE", *path, "Table file")->required()->type_name("");
    command.callback([path] { verify(*path); });
}

}  // namespace rowpool::tools
