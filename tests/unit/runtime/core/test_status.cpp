// Result, Status and PoolStatus: what they have in common.
#include <doctest/doctest.h>

#include <utility>

#include "rowpool/pool.hpp"
#include "rowpool/status.hpp"

namespace rowpool::test {
namespace {

TEST_CASE("results as std::expected has them") {
    Result<int> good = 7;
    CHECK(good.has_value());
    CHECK(good.value() == 7);
    CHECK(good.code() == ErrorCode::ok);
    CHECK(good.message() == "ok");
    Result<int> bad = Error{ErrorCode::not_found, "no such table"};
    CHECK(!bad.has_value());
    CHECK(bad.code() == ErrorCode::not_found);
    CHECK(bad.message() == "no such table");
    CHECK(std::move(bad).value_or(3) == 3);
    CHECK(Status().message() == "ok");
    CHECK(Status(Error{ErrorCode::io_error, "no space"}).message() == "no space");
}

TEST_CASE("a good call says so") { CHECK(PoolStatus{}.message() == "ok"); }

}  // namespace
}  // namespace rowpool::test
