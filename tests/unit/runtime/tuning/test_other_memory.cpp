// Memory that is written between lookups: all of it, each time, and not more than there is.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bench/measure/other_memory.hpp"
#include "support/other_memory.hpp"

namespace rowpool::test {
namespace {

bool all_are(std::span<const std::uint64_t> words, std::uint64_t value) {
    return std::ranges::all_of(words, [value](std::uint64_t word) { return word == value; });
}

TEST_CASE("the library writes all of the memory each time") {
    for (const std::size_t bytes : {1U, 8U, 9U, 4097U, 1U << 20}) {
        CAPTURE(bytes);
        auto other = exec::OtherMemory::create(bytes);
        REQUIRE(other);
        CHECK(other->words().size() == (bytes + 7) / 8);
        for (std::uint64_t times = 1; times < 4; ++times) {
            other->write();
            CHECK(all_are(other->words(), times));
        }
    }
}

TEST_CASE("the benchmarks write all of the memory of all threads each time") {
    for (const std::size_t threads : {1U, 3U}) {
        for (const std::size_t bytes : {1U, 9U, 4097U, 1U << 20}) {
            CAPTURE(threads);
            CAPTURE(bytes);
            const bench::OtherMemory other(bytes, threads);
            CHECK(other.words().size() == threads * ((bytes + 7) / 8));
            for (std::uint64_t times = 1; times < 4; ++times) {
                other.write();
                CHECK(all_are(other.words(), times));
            }
        }
    }
}

TEST_CASE("no bytes are no memory, and writing them is nothing") {
    auto other = exec::OtherMemory::create(0);
    REQUIRE(other);
    other->write();
    CHECK(other->words().empty());
    const bench::OtherMemory none(0, 3);
    none.write();
    CHECK(none.words().empty());
}

TEST_CASE("more than the machine has is refused before any of it is written") {
    constexpr std::size_t kPetabyte = std::size_t{1} << 50;
    for (const std::size_t bytes : {kPetabyte, SIZE_MAX}) {
        const auto other = exec::OtherMemory::create(bytes);
        REQUIRE(!other);
        CHECK(other.error().code == ErrorCode::out_of_memory);
        CHECK(other.error().message.find("half of the memory is") != std::string::npos);
        CHECK_THROWS_AS(bench::OtherMemory(bytes, 1), bench::TooLittleMemory);
        CHECK_THROWS_AS(bench::OtherMemory(bytes, SIZE_MAX), bench::TooLittleMemory);
    }
}

}  // namespace
}  // namespace rowpool::test
