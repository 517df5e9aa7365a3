// The order of numbered names.
#include "tools/convert/sequence.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tools/base/failure.hpp"

namespace rowpool::test {
namespace {

using Names = std::vector<std::string>;
using Order = std::vector<std::size_t>;

Order order(const Names& names) { return tools::sequence_order("--join x: ", names); }

std::string fault(const Names& names) {
    try {
        order(names);
    } catch (const tools::Failure& failure) {
        return failure.what();
    }
    return "";
}

TEST_CASE("names go by their number, from 0 or 1 on") {
    CHECK(order({"emb.10", "emb.9", "emb.8", "emb.7", "emb.6", "emb.5", "emb.4", "emb.3", "emb.2", "emb.1"}) ==
          Order{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
    CHECK(order({"l2.e1.w", "l2.e0.w"}) == Order{1, 0});
    CHECK(order({"part-00001", "part-00002"}) == Order{0, 1});
    CHECK(order({"x"}) == Order{0});
    CHECK(order({"x7"}) == Order{0});
}

TEST_CASE("any order of many names gives the same") {
    std::mt19937 random(11);
    for (const unsigned count : {2U, 11U, 101U, 1000U}) {
        Order numbers(count);
        std::iota(numbers.begin(), numbers.end(), std::size_t{0});
        std::ranges::shuffle(numbers, random);
        Names names;
        for (const std::size_t number : numbers) names.push_back("a3/emb-" + std::to_string(number) + ".weight");
        const Order found = order(names);
        for (std::size_t i = 0; i < count; ++i) CHECK(numbers[found[i]] == i);
    }
}

TEST_CASE("what is missing is said") {
    CHECK(fault({"e0", "e2"}).find("number 1 is missing between e0 and e2") != std::string::npos);
    CHECK(fault({"e2", "e3"}).find("the first one is e2; number 1 is missing") != std::string::npos);
    CHECK(fault({"p-1-of-3", "p-2-of-3"}).find("2 of 3, the last one is p-2-of-3") != std::string::npos);
    CHECK(fault({"p-00000-of-00002"}).find("1 of 2") != std::string::npos);
    CHECK(order({"p-2-of-2", "p-1-of-2"}) == Order{1, 0});
    CHECK(order({"p1_of_1"}) == Order{0});
}

TEST_CASE("names without a certain order are refused") {
    for (const Names& names : {Names{"a", "b"}, Names{"e1.2", "e2.1"}, Names{"e1", "f2"}, Names{"e1", "e1x"},
                               Names{"1-of-2", "2-of-3"}, Names{"a/e", "b/e"}}) {
        CHECK(fault(names).find(" differ in more than a number") != std::string::npos);
    }
    CHECK(fault({"e1", "e01"}).find("e1 and e01 do not differ in a number") != std::string::npos);
    CHECK(fault({"e", "e"}).find("e and e do not") != std::string::npos);
    CHECK(fault({"e0", "e1", "e1"}).find("e1 and e1 do not") != std::string::npos);
}

TEST_CASE("digits that no number has are text") {
    const std::string many(30, '9');
    CHECK(order({many + "-1", many + "-0"}) == Order{1, 0});
    CHECK(fault({many, many + "9"}) != "");
    CHECK(fault({"18446744073709551615", "0"}).find("missing") != std::string::npos);
}

}  // namespace
}  // namespace rowpool::test
