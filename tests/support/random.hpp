// A small random number generator whose sequence is the same everywhere: every test names its seed.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace rowpool::test {

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix a number.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }

    /// A number in [0, end).
    std::size_t below(std::size_t end) noexcept { return static_cast<std::size_t>(next() % end); }

    /// A number in [low, high), all f32 digits of it random.
    float uniform(float low, float high) noexcept {
        return low + (high - low) * static_cast<float>(std::ldexp(static_cast<double>(next() >> 40), -24));
    }

    /// One of the elements of an array.
    template <class T, std::size_t N>
    const T& pick(const T (&values)[N]) noexcept {
        return values[below(N)];
    }

private:
    std::uint64_t state_;
};

}  // namespace rowpool::test
