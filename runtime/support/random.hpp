// Random numbers whose sequence is the same on every machine, for tests, benchmarks and measurements with fixed seeds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rowpool::support {

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): one addition and one
/// mix per number.
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

    /// A number in [0, 1), a multiple of 2^-53.
    double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

}  // namespace rowpool::support
