// The choice of codings under a budget: what it takes, that it keeps the budget, and what it says.
#include "tools/convert/budget.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"

namespace rowpool::tools {
namespace {

constexpr RowCoding kInt4BySearch = {RowFormat::int4, QuantizationMethod::search};

const BudgetTable kTable = {"a",
                            {{RowFormat::f32, 400, 0},
                             {RowFormat::f16, 200, 0.0002},
                             {RowFormat::bf16, 200, 0.002},
                             {RowFormat::int8, 108, 0.006},
                             {RowFormat::int4, 54, 0.11},
                             {kInt4BySearch, 54, 0.10},
                             {RowFormat::int2, 29, 0.5}}};

/// What is wrong with a budget, or nothing.
template <class Choose>
std::string fault(const Choose& choose) {
    try {
        choose();
        return "";
    } catch (const Failure& failure) {
        return failure.what();
    }
}

std::vector<RowCoding> codings(const std::vector<BudgetTable>& tables, const std::vector<ChosenCoding>& choices) {
    std::vector<RowCoding> taken;
    for (std::size_t t = 0; t < tables.size(); ++t) {
        taken.push_back(tables[t].candidates[choices[t].candidate].coding);
    }
    return taken;
}

/// Bytes and summed squared error of a choice.
std::pair<std::uint64_t, double> totals(const std::vector<BudgetTable>& tables,
                                        const std::vector<ChosenCoding>& choices) {
    std::pair<std::uint64_t, double> sums = {0, 0};
    for (std::size_t t = 0; t < tables.size(); ++t) {
        const Candidate& taken = tables[t].candidates[choices[t].candidate];
        sums.first += taken.bytes;
        sums.second += taken.error * taken.error;
    }
    return sums;
}

/// The least possible summed squared error within the bytes, by trying everything.
double least_error(const std::vector<BudgetTable>& tables, std::size_t first, std::uint64_t bytes) {
    if (first == tables.size()) return 0;
    double least = 1e9;
    for (const Candidate& candidate : tables[first].candidates) {
        if (candidate.bytes > bytes) continue;
        const double rest = least_error(tables, first + 1, bytes - candidate.bytes);
        least = std::min(least, candidate.error * candidate.error + rest);
    }
    return least;
}

std::vector<BudgetTable> random_tables(std::mt19937& random) {
    std::vector<BudgetTable> tables(4);
    for (BudgetTable& table : tables) {
        for (std::size_t i = 0; i < 5; ++i) {
            table.candidates.push_back({RowFormat::f32, 1 + random() % 50, static_cast<double>(random() % 100) / 100});
        }
    }
    return tables;
}

TEST_CASE("the fewest bytes that are good enough, and the better method of equal ones") {
    const std::vector<BudgetTable> tables = {kTable};
    const auto format = [&](double most) { return codings(tables, choose_by_error(tables, most)).front(); };
    CHECK(format(0.00001) == RowCoding(RowFormat::f32));
    CHECK(format(0.0002) == RowCoding(RowFormat::f16));
    CHECK(format(0.004) == RowCoding(RowFormat::f16));
    CHECK(format(0.01) == RowCoding(RowFormat::int8));
    CHECK(format(0.12) == kInt4BySearch);
    CHECK(format(0.5) == RowCoding(RowFormat::int2));
}

TEST_CASE("of equal bytes and errors the first is taken") {
    const std::vector<BudgetTable> tables = {{"a", {{RowFormat::int4, 5, 0}, {kInt4BySearch, 5, 0}}}};
    CHECK(choose_by_error(tables, 0.1)[0].candidate == 0);
    CHECK(choose_by_bytes(tables, 5)[0].candidate == 0);
}

TEST_CASE("reasons name the alternative") {
    const std::vector<BudgetTable> tables = {kTable};
    CHECK(choose_by_error(tables, 0.12)[0].reason == "int4 by search: error 10 % of at most 12 %; int2 would be 50 %");
    CHECK(choose_by_error(tables, 0.6)[0].reason == "int2: error 50 % of at most 60 %, and no format is smaller");
    CHECK(choose_by_error(tables, 0.01)[0].reason == "int8: error 0.6 % of at most 1 %; int4 by search would be 10 %");
    CHECK(choose_by_bytes(tables, 100)[0].reason ==
          "int4 by search: error 10 % in 100 bytes for all tables; int8 would be 0.6 % for 54 bytes more");
    CHECK(choose_by_bytes(tables, 400)[0].reason == "f32: error 0 % in 400 bytes for all tables");
}

TEST_CASE("a table with one candidate keeps it, and its bytes count") {
    const std::vector<BudgetTable> tables = {{"pinned", {{RowFormat::int2, 60, 0.5}}}, kTable};
    CHECK(choose_by_error(tables, 0.01)[0].reason == "int2: error 50 %");
    CHECK(codings(tables, choose_by_bytes(tables, 60 + 54)).back() == kInt4BySearch);
    CHECK(codings(tables, choose_by_bytes(tables, 60 + 53)).back() == RowCoding(RowFormat::int2));
}

TEST_CASE("budgets that cannot be kept") {
    const std::vector<BudgetTable> lossy = {{"a\n", {{RowFormat::int4, 5, 0.1}, {RowFormat::int2, 3, 0.5}}}};
    CHECK(fault([&] { choose_by_error(lossy, 0.01); }) == "table a\\x0a: no format has an error of at most 1 %");
    const std::vector<BudgetTable> tables = {kTable, kTable};
    CHECK(fault([&] { choose_by_bytes(tables, 57); }) ==
          "the rows take at least 58 bytes (58 bytes), more than the 57 allowed");
    CHECK(fault([&] { choose_by_bytes(tables, 58); }).empty());
}

TEST_CASE("bytes go to the table where they lower the error most") {
    const BudgetTable good = {"good", {{RowFormat::int4, 50, 0.01}, {RowFormat::int8, 100, 0.001}}};
    const BudgetTable bad = {"bad", {{RowFormat::int4, 50, 0.2}, {RowFormat::int8, 100, 0.1}}};
    const std::vector<BudgetTable> tables = {good, bad};
    const std::vector<ChosenCoding> choices = choose_by_bytes(tables, 150);
    CHECK(choices[0].candidate == 0);
    CHECK(choices[1].candidate == 1);
}

TEST_CASE("what is left is spent on what still fits") {
    const BudgetTable large = {"large", {{RowFormat::int4, 500, 0.2}, {RowFormat::int8, 1000, 0.01}}};
    const BudgetTable small = {"small", {{RowFormat::int4, 5, 0.02}, {RowFormat::int8, 10, 0.019}}};
    const std::vector<BudgetTable> tables = {large, small};
    CHECK(choose_by_bytes(tables, 900)[0].candidate == 0);
    CHECK(choose_by_bytes(tables, 900)[1].candidate == 1);
}

TEST_CASE("random tables: within the bytes, and at most one table's step above the least error") {
    std::mt19937 random(7);
    int kept = 0;
    for (int round = 0; round < 2000; ++round) {
        const std::vector<BudgetTable> tables = random_tables(random);
        const std::uint64_t bytes = 4 + random() % 200;
        const double least = least_error(tables, 0, bytes);
        if (least == 1e9) {
            CHECK(!fault([&] { choose_by_bytes(tables, bytes); }).empty());
            continue;
        }
        const auto [taken, error] = totals(tables, choose_by_bytes(tables, bytes));
        CHECK(taken <= bytes);
        CHECK(error >= least - 1e-12);
        CHECK(error <= least + 1);  // errors are below 1
        kept += error <= least + 1e-12 ? 1 : 0;
    }
    CHECK(kept > 1000);  // and mostly the least there is
}

}  // namespace
}  // namespace rowpool::tools
