// Overflow-checked sums and products, for sizes that come from a file or a caller.
#pragma once

#include <concepts>
#include <optional>

namespace rowpool::support {

/// a + b, or nothing on overflow.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) noexcept {
    T sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

/// a * b, or nothing on overflow.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) noexcept {
    T product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

/// The smallest multiple of `step` that is not below `value`, or nothing on overflow. `step` is not 0.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_round_up(T value, T step) noexcept {
    const T rest = value % step;
    return rest == 0 ? value : checked_add(value, static_cast<T>(step - rest));
}

}  // namespace rowpool::support
