// Options that several subcommands share the making of.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>
#include <system_error>

#include "text.hpp"

namespace rowpool::tools {

/// An option whose value is one of a few names. `choices` lists them as "a|b|c"; `parse` gives the value of a name, or
/// nothing.
template <class T, class Parse>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& target, const std::string& choices, Parse parse,
                        const std::string& help) {
    const auto take = [&target, name, choices, parse](const std::string& text) {
        const auto value = parse(text);
        if (!value) throw CLI::ValidationError(name, "'" + printable(text) + "' is none of " + choices);
        target = *value;
    };
    return command.add_option_function<std::string>(name, take, help)->type_name(choices);
}

/// An option whose value is a whole number of type T, in [least, most].
template <class T, class Target>
CLI::Option* add_integer(CLI::App& command, const std::string& name, Target& target, T least, T most,
                         const std::string& help) {
    const auto take = [&target, name, least, most](const std::string& text) {
        T value = 0;
        const char* end = text.data() + text.size();
        const auto [stop, failure] = std::from_chars(text.data(), end, value);
        if (failure != std::errc() || stop != end || value < least || value > most) {
            throw CLI::ValidationError(name, "'" + printable(text) + "' is no whole number from " +
                                                 std::to_string(least) + " to " + std::to_string(most));
        }
        target = value;
    };
    return command.add_option_function<std::string>(name, take, help)->type_name("N");
}

/// The option that every command with an output file has.
inline void add_output(CLI::App& command, std::string& path, const std::string& help) {
    command.add_option("-o,--output", path, help)->required()->type_name("FILE");
}

}  // namespace rowpool::tools
