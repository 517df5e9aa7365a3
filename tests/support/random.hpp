// Random numbers of the tests, each of which names its seed.
#pragma once

#include <cmath>
#include <cstddef>

#include "support/random.hpp"

namespace rowpool::test {

class Random : public support::Random {
public:
    using support::Random::Random;

    /// A number in [low, high), all f32 digits of it random.
    float uniform(float low, float high) noexcept {
        return low + (high - low) * static_cast<float>(std::ldexp(static_cast<double>(next() >> 40), -24));
    }

    /// One of the elements of an array.
    template <class T, std::size_t N>
    const T& pick(const T (&values)[N]) noexcept {
        return values[below(N)];
    }
};

}  // namespace rowpool::test
