// Bytes that are added up as numbers, as wide as the compiler has vectors. All of it has internal linkage: objects of
// different instruction sets include it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rowpool::bench {
namespace {

constexpr std::size_t kLine = 64;

/// `kBytes` of numbers that are added at once; the compiler makes of it what the instruction set has.
template <class Number, std::size_t kBytes>
struct Lanes {
    using Vector __attribute__((vector_size(kBytes))) = Number;
    static_assert(sizeof(Vector) == kBytes);
    Vector values = {};

    void add(const std::byte* p) noexcept {
        Vector loaded;
        std::memcpy(&loaded, p, kBytes);
        values += loaded;
    }
    Number total() const noexcept {
        Number numbers[kBytes / sizeof(Number)];
        std::memcpy(numbers, &values, kBytes);
        Number sum = 0;
        for (const Number number : numbers) sum += number;
        return sum;
    }
};

}  // namespace
}  // namespace rowpool::bench
