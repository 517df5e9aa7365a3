// Turns: which calls they make, and what comes before each of them.
#include "tools/bench/turns.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace rowpool::test {
namespace {

using tools::time_in_turns;
using tools::Variant;

constexpr double kNoTime = 0;

/// Ways that write down their calls, and something before them that does so, too.
struct Record {
    static constexpr int kBefore = -1;
    std::vector<int> done;

    std::vector<Variant> variants() {
        return {[this](std::size_t call) { done.push_back(static_cast<int>(call)); },
                [this](std::size_t call) { done.push_back(100 + static_cast<int>(call)); }};
    }
};

TEST_CASE("before each call that is done which is to come before it, and a turn has one call at least") {
    Record record;
    const std::vector<std::size_t> rows = {3, 5, 2};
    const std::vector<double> seconds =
        time_in_turns(record.variants(), rows, kNoTime, [&] { record.done.push_back(Record::kBefore); });
    CHECK(seconds.size() == 2);
    REQUIRE(record.done.size() == 2 * 2 * tools::kTurns);
    for (std::size_t i = 0; i < record.done.size(); i += 2) {
        CAPTURE(i);
        const auto call = static_cast<int>(i / 2);
        CHECK(record.done[i] == Record::kBefore);
        CHECK(record.done[i + 1] == call % 3 + (call % 2 == 0 ? 0 : 100));  // variants take turns, calls go on
    }
}

TEST_CASE("a turn goes on until a call has rows") {
    Record record;
    const std::vector<std::size_t> rows = {0, 4};
    std::size_t before = 0;
    time_in_turns(record.variants(), rows, kNoTime, [&] { ++before; });
    CHECK(before == record.done.size());
    CHECK(record.done.size() == 2 * 2 * tools::kTurns);
}

TEST_CASE("without rows in any call nothing is done") {
    Record record;
    const std::vector<std::size_t> rows = {0, 0};
    std::size_t before = 0;
    CHECK(time_in_turns(record.variants(), rows, kNoTime, [&] { ++before; }) == std::vector<double>{0, 0});
    CHECK(before == 0);
    CHECK(record.done.empty());
}

}  // namespace
}  // namespace rowpool::test
