// Large things that neighbouring cases share.
#pragma once

#include <memory>
#include <optional>
#include <tuple>

namespace rowpool::bench {

/// The T of these arguments. It is kept until one of other arguments is asked for, and freed before that is made: cases
/// that share large things run one after the other. Not thread safe.
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
