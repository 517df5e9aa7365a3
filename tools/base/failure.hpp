// How commands fail: with an exception that the command line turns into one line on standard error and an exit status.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "rowpool/status.hpp"

namespace rowpool::tools {

/// One line for people that says what went wrong, without the program's name. Exit status 1.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What is wrong with the command line itself, as such a line. Exit status 2.
class WrongUsage : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Throws a Failure whose line is the concatenation of all parts.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
    std::ostringstream line;
    (line << ... << parts);
    throw Failure(line.str());
}

/// Throws a WrongUsage about an option, whose line begins with its name.
template <class... Parts>
[[noreturn]] void fail_usage(const std::string& option, const Parts&... parts) {
    std::ostringstream line;
    line << option << ": ";
    (line << ... << parts);
    throw WrongUsage(line.str());
}

/// Throws a Failure if the library reports an error.
inline void check(const Status& status) {
    if (!status) throw Failure(status.error().message);
}

/// The value of a result; throws a Failure if it has an error.
template <class T>
T value_of(Result<T> result) {
    if (!result) throw Failure(result.error().message);
    return *std::move(result);
}

}  // namespace rowpool::tools
