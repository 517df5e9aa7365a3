// What to do, as the bytes of an input have it.
#pragma once

#include <cstddef>
#include <span>

namespace rowpool::fuzz {

/// Decisions, a byte each or two. When the bytes are used up, all are the first choice.
class Choices {
public:
    explicit Choices(std::span<const std::byte> bytes) : rest_(bytes) {}

    /// A number below `count`, which is 1 to 65536.
    std::size_t below(std::size_t count) {
        const std::size_t number = count <= 256 ? byte() : 256 * byte() + byte();
        return number % count;
    }
    bool coin() { return below(2) != 0; }
    /// One of the elements of an array.
    template <class T, std::size_t N>
    const T& pick(const T (&values)[N]) {
        return values[below(N)];
    }

private:
    std::size_t byte() {
        if (rest_.empty()) return 0;
        const auto first = std::to_integer<std::size_t>(rest_.front());
        rest_ = rest_.subspan(1);
        return first;
    }

    std::span<const std::byte> rest_;
};

}  // namespace rowpool::fuzz
