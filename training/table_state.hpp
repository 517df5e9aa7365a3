// What a mutable table is made of, for the other parts of the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "rowpool_train/mutable_table.hpp"
#include "training/kernels/training_kernels.hpp"
#include "training/loops.hpp"
#include "training/memory.hpp"

namespace rowpool::train {

struct MutableTable::State {
    std::string name;
    TableOptions options;  ///< with today's number of rows
    Memory values;         ///< of the rows, and of some that it can grow by
    Memory touched;        ///< a bit a row, in words of 64
    Table view;            ///< of today's rows

    std::size_t row_bytes() const noexcept { return rowpool::row_bytes(options.format, options.embedding_dim); }
    kernels::Rows rows() noexcept { return {values.data(), options.embedding_dim, options.format}; }

    /// For rows that several threads touch at once.
    void touch(std::size_t row) noexcept;
};

struct TableAccess {
    using State = MutableTable::State;
    static State& state(const MutableTable& table) noexcept { return *table.state_; }
};

/// The table that has its rows there. Error: out_of_memory.
Result<Table> view_of(const std::string& name, const TableOptions& options, const Memory& values);

/// Bytes of the bits of that many rows.
constexpr std::size_t bytes_of_bits(std::size_t rows) noexcept { return (rows + 63) / 64 * 8; }

/// What lookups can be sorted by.
inline constexpr std::size_t kMostRows = UINT32_MAX;

}  // namespace rowpool::train
