// Options that several subcommands share the making of.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace rowpool::tools {

/// An option whose value is one of a few names. `choices` lists them as "a|b|c"; `parse` gives the value of a name, or
/// nothing.
template <class T, class Parse>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& target, const std::string& choices, Parse parse,
                        const std::string& help) {
    const auto take = [&target, name, choices, parse](const std::string& text) {
        const auto value = parse(text);
        if (!value) throw CLI::ValidationError(name, "'" + text + "' is none of " + choices);
        target = *value;
    };
    return command.add_option_function<std::string>(name, take, help)->type_name(choices);
}

/// The option that every command with an output file has.
inline void add_output(CLI::App& command, std::string& path, const std::string& help) {
    command.add_option("-o,--output", path, help)->required()->type_name("FILE");
}

}  // namespace rowpool::tools
