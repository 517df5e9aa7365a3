// Helpers that define options of subcommands.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/quantity.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

/// The most that --threads takes: an engine has no more.
inline constexpr std::size_t kMaxThreads = 1024;

/// An option whose value is one of several names. `choices` lists them as "a|b|c"; `parse` returns the value of a name,
/// or nothing.
template <class T, class Parse>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& target, const std::string& choices, Parse parse,
                        const std::string& help) {
    const auto take = [&target, name, choices, parse](const std::string& text) {
        const auto value = parse(text);
        if (!value) fail_usage(name, '\'', printable(text), "' is none of ", choices);
        target = *value;
    };
    return command.add_option_function<std::string>(name, take, help)->type_name(choices);
}

/// An option whose value is a whole number of type T, in [least, most].
template <class T, class Target>
CLI::Option* add_integer(CLI::App& command, const std::string& name, Target& target, T least, T most,
                         const std::string& help) {
    const auto take = [&target, name, least, most](const std::string& text) {
        target = parse_number(name, text, least, most, "whole number");
    };
    return command.add_option_function<std::string>(name, take, help)->type_name("N");
}

/// An option whose value is a number in [least, most].
inline CLI::Option* add_real(CLI::App& command, const std::string& name, double& target, double least, double most,
                             const std::string& help) {
    const auto take = [&target, name, least, most](const std::string& text) {
        target = parse_number(name, text, least, most, "number");
    };
    return command.add_option_function<std::string>(name, take, help)->type_name("X");
}

/// An option whose value is a number of bytes, at least `least`; see parse_bytes().
template <class Target>
CLI::Option* add_bytes(CLI::App& command, const std::string& name, Target& target, std::uint64_t least,
                       const std::string& help) {
    const auto take = [&target, name, least](const std::string& text) {
        const std::optional<std::uint64_t> bytes = parse_bytes(text);
        if (!bytes || *bytes < least) {
            fail_usage(name, '\'', printable(text), "' is no ", kBytesForm);
        }
        target = *bytes;
    };
    return command.add_option_function<std::string>(name, take, help)->type_name("BYTES");
}

/// An option that may be repeated, with one text each time. `take` is a function called with all texts, or a vector
/// that receives them. Not a CLI11 list, which would turn a name "[x]" into x.
template <class Take>
CLI::Option* add_repeated(CLI::App& command, const std::string& name, Take&& take, const std::string& type,
                          const std::string& help) {
    CLI::Option* option = nullptr;
    if constexpr (std::is_invocable_v<Take, const std::vector<std::string>&>) {
        option = command.add_option_function<std::vector<std::string>>(name, std::forward<Take>(take), help);
    } else {
        option = command.add_option(name, take, help);
    }
    return option->type_name(type)->expected(1)->take_all()->allow_extra_args(false);
}

/// The option -o of every command with an output file.
inline void add_output(CLI::App& command, std::string& path, const std::string& help) {
    command.add_option("-o,--output", path, help)->required()->type_name("FILE");
}

}  // namespace rowpool::tools
