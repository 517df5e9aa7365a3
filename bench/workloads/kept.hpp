// Large objects that consecutive cases share.
#pragma once

#include <memory>
#include <optional>
#include <tuple>

namespace rowpool::bench {

/// The T constructed from these arguments. It is kept until a T of other arguments is requested, and destroyed before
/// that is constructed: cases that share large objects run consecutively. Not thread safe.
template <class T, class... Args>
T& kept(const Args&... args) {
    static std::optional<std::tuple<Args...>> key;
    static std::unique_ptr<T> object;
    if (key != std::tuple(args...)) {
        key.reset();
        object.reset();
        object = std::make_unique<T>(args...);
        key = std::tuple(args...);
    }
    return *object;
}

}  // namespace rowpool::bench
