// Table files for tests: written by the library, or put together by hand with any metadata.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "tests/support/container.hpp"
#include "tests/support/files.hpp"
#include "tests/support/random.hpp"

namespace rowpool::test {

inline std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
    Random random(seed);
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next() & 0xff);
    return bytes;
}

inline NewTable new_table(std::string name, RowFormat format, std::size_t rows, std::size_t dim) {
    NewTable table;
    table.name = std::move(name);
    table.shape.format = format;
    table.shape.rows = rows;
    table.shape.dim = dim;
    return table;
}

inline std::size_t bytes_of(const NewTable& table) {
    return table.shape.rows * row_bytes(table.shape.format, table.shape.dim);
}

/// Row data of a table that write_tables() writes: random, by position.
inline std::vector<std::byte> rows_of(const std::vector<NewTable>& tables, std::size_t i) {
    return random_bytes(bytes_of(tables[i]), i);
}

inline std::string message_of(const Status& status) { return status ? "" : status.error().message; }

/// Writes a file with rows_of() each table; returns the message of the first error.
inline std::string write_tables(const std::string& path, const std::vector<NewTable>& tables) {
    auto writer = TableFileWriter::create(path, tables);
    if (!writer) return writer.error().message;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        if (const Status status = writer->append(rows_of(tables, i)); !status) return status.error().message;
    }
    return message_of(writer->finish());
}

inline TableFile open_tables(const std::string& path) {
    auto file = TableFile::open(path);
    REQUIRE_MESSAGE(bool(file), (file ? std::string() : file.error().message));
    return *std::move(file);
}

inline Error open_error(const std::string& path) {
    const auto file = TableFile::open(path);
    return file ? Error{} : file.error();
}

/// All bytes of a table without gaps.
inline std::vector<std::byte> table_bytes(const Table& table) {
    return {table.data(), table.data() + table.rows() * table.row_stride()};
}

}  // namespace rowpool::test
