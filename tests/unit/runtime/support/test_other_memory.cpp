// Memory that is written between lookups: all of it, each time, and not more than there is.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "support/other_memory.hpp"

namespace rowpool::test {
namespace {

bool all_are(std::span<const std::uint64_t> words, std::uint64_t value) {
    return std::ranges::all_of(words, [value](std::uint64_t word) { return word == value; });
}

TEST_CASE("all of the memory of all threads is written each time") {
    for (const std::size_t threads : {1U, 3U}) {
        for (const std::size_t bytes : {1U, 8U, 9U, 4097U, 1U << 20}) {
            CAPTURE(threads);
            CAPTURE(bytes);
            auto other = support::OtherMemory::create(bytes, threads);
            REQUIRE(other);
            CHECK(other->words().size() == threads * ((bytes + 7) / 8));
            for (std::uint64_t times = 1; times < 4; ++times) {
                other->write();
                CHECK(all_are(other->words(), times));
            }
        }
    }
}

TEST_CASE("no bytes are no memory, and writing them is nothing") {
    for (const std::size_t threads : {1U, 3U}) {
        auto other = support::OtherMemory::create(0, threads);
        REQUIRE(other);
        other->write();
        CHECK(other->words().empty());
    }
    support::OtherMemory none;
    none.write();
    CHECK(none.words().empty());
}

TEST_CASE("more than the machine has is refused before any of it is written") {
    constexpr std::size_t kPetabyte = std::size_t{1} << 50;
    for (const std::size_t bytes : {kPetabyte, SIZE_MAX}) {
        for (const std::size_t threads : {std::size_t{1}, SIZE_MAX}) {
            const auto other = support::OtherMemory::create(bytes, threads);
            REQUIRE(!other);
            CHECK(other.error().code == ErrorCode::out_of_memory);
            CHECK(other.error().message.find("half of the memory is") != std::string::npos);
        }
    }
}

}  // namespace
}  // namespace rowpool::test
