// What the longer examples share: the end of a program that fails, and loops on all cores.
#pragma once

#include <errno.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <execution>
#include <numeric>
#include <rowpool/status.hpp>
#include <string>
#include <utility>
#include <vector>

namespace examples {

[[noreturn]] inline void fail(const std::string& message) {
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, message.c_str());
    std::exit(1);
}

/// The value of a result, or the end of the program.
template <class T>
T must(rowpool::Result<T> result) {
    if (!result) fail(result.message());
    return *std::move(result);
}
inline void must(const rowpool::Status& status) {
    if (!status) fail(status.message());
}

/// Calls body(i) for i in [0, count) on all cores.
template <class Body>
void for_each(std::size_t count, const Body& body) {
    std::vector<std::size_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    std::for_each(std::execution::par, numbers.begin(), numbers.end(), body);
}

}  // namespace examples
