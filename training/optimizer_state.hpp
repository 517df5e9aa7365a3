// What an optimizer is made of.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rowpool/table_file.hpp"
#include "rowpool_train/optimizer.hpp"
#include "training/kernels/training_kernels.hpp"
#include "training/lookups.hpp"
#include "training/memory.hpp"
#include "training/table_state.hpp"

namespace rowpool::train {

/// Numbers that an optimizer keeps for rows.
struct Moment {
    std::string_view name = {};  ///< PyTorch's, empty when there are none
    bool is_per_row = false;     ///< one for each row, not for each value
    float initial = 0;
};

struct Optimizer::State {
    MutableTable table;
    OptimizerRule rule;
    Rounding rounding;
    std::uint64_t steps = 0;
    std::size_t rows = 0;                 ///< that the moments are for
    std::array<Memory, 2> memories = {};  ///< of the moments

    /// What the rule keeps.
    static std::array<Moment, 2> moments_of(const OptimizerRule& rule) noexcept;
    /// Columns of the numbers that are kept for a row.
    std::size_t moment_dim(const Moment& moment) const noexcept { return moment.is_per_row ? 1 : table.dim(); }
    std::size_t moment_bytes(const Moment& moment, std::size_t num_rows) const noexcept;
    /// Makes the moments as large as the table. Error: out_of_memory.
    Status grow_moments();
    /// A step with checked terms.
    Status step(const kernels::Terms& terms, std::span<const Lookup> lookups, bool is_sparse, const Loops& loops);
    kernels::Update next_update() noexcept;
    /// Takes rows, moments and steps from a file.
    Status load(const TableFile& file);
};

}  // namespace rowpool::train
