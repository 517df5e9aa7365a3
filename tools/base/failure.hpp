// How commands fail: with an exception that main() turns into one line on standard error and exit status 1.
#pragma once

#include <sstream>
#include <stdexcept>
#include <utility>

#include "rowpool/status.hpp"

namespace rowpool::tools {

/// One line for people that says what went wrong, without the program's name.
class Failure : public std::runtime_error {
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
