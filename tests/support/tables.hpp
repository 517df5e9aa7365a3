// Tables and calls for tests of the public API.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rowpool/pool.hpp"
#include "rowpool/table.hpp"
#include "tests/support/generators.hpp"

namespace rowpool::test {

/// A table over memory that must outlive it; the shape must be good.
inline Table view(std::string name, const TableShape& shape, std::span<const std::byte> bytes) {
    Result<Table> table = Table::view(std::move(name), shape, bytes);
    REQUIRE_MESSAGE(bool(table), (table ? std::string() : table.error().message));
    return *std::move(table);
}

/// A table of f32 rows over `values`, which must outlive it.
inline Table f32_table(const std::vector<float>& values, std::size_t dim, std::string name = "t") {
    return view(std::move(name), {.format = RowFormat::f32, .rows = values.size() / dim, .dim = dim},
                std::as_bytes(std::span(values)));
}

/// A table over `made`, which must outlive it.
inline Table table_of(const MadeTable& made, std::string name = "t") {
    Result<Table> table = Table::view(
        std::move(name), {.format = made.format, .rows = made.rows, .dim = made.dim, .row_stride = made.stride},
        made.bytes, made.reference.remap);
    REQUIRE_MESSAGE(bool(table), (table ? std::string() : table.error().message));
    return *std::move(table);
}

/// What pool() writes, in f32; the call must succeed.
inline std::vector<float> pooled(const Table& table, const Bags& bags, const PoolOptions& options) {
    std::vector<float> out(bags.num_bags() * table.dim(), -99.0f);
    const PoolStatus status = pool(table, bags, options, out);
    REQUIRE_MESSAGE(bool(status), status.message());
    CHECK(check(table, bags, options).message() == "ok");
    return out;
}

/// How pool() into an f32 buffer fails, and check(), too. A buffer that was written to fails the test.
inline PoolStatus fault_of(const Table& table, const Bags& bags, const PoolOptions& options) {
    const std::vector<float> before(bags.num_bags() * table.dim() + 1, -99.0f);
    std::vector<float> out = before;
    PoolStatus status = pool(table, bags, options, out);
    CHECK(out == before);
    CHECK(check(table, bags, options).message() == status.message());
    CHECK(check(table, bags, options, out).message() == status.message());
    return status;
}

}  // namespace rowpool::test
