// The lookups of a call, sorted by row: what gradients and updates go through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/status.hpp"
#include "rowpool/types.hpp"
#include "training/kernels/training_kernels.hpp"
#include "training/loops.hpp"

namespace rowpool::train {

using kernels::Lookup;

/// Where each bag ends in the indices; bags that rowpool::check() has passed.
class BagBounds {
public:
    explicit BagBounds(const Bags& bags);

    std::size_t count() const noexcept { return begins_.size() - 1; }
    std::size_t begin(std::size_t bag) const noexcept { return begins_[bag]; }
    std::size_t end(std::size_t bag) const noexcept { return begins_[bag + 1]; }

private:
    std::vector<std::uint32_t> begins_;
};

/// Error: invalid_argument for more bags or indices than places have numbers.
Status check_size(const Bags& bags);

/// What the place of a lookup is: its bag where that is all that matters, else its position in the indices.
enum class Places : std::uint8_t { bags, positions };

/// Lookups in the order of rows, those of a row in the order of indices; padding left out.
struct SortedLookups {
    std::unique_ptr<Lookup[]> memory;
    std::span<const Lookup> lookups;
};

/// Sorts the lookups of checked bags in a table of `rows` rows.
SortedLookups sort_lookups(const Bags& bags, const BagBounds& bounds, std::size_t rows,
                           std::optional<std::int64_t> padding, Places places, const Loops& loops);

/// Lookups that ascend already: lookup i is of row_at(i), its place is i.
template <class RowAt>
SortedLookups lookups_of(std::size_t count, const RowAt& row_at) {
    SortedLookups sorted = {std::make_unique_for_overwrite<Lookup[]>(count), {}};
    for (std::size_t i = 0; i < count; ++i) sorted.memory[i] = Lookup{row_at(i)} << 32 | i;
    sorted.lookups = {sorted.memory.get(), count};
    return sorted;
}

/// The first lookup at or after `at` that is of another row than the one before it.
inline std::size_t next_row(std::span<const Lookup> lookups, std::size_t at) noexcept {
    if (at == 0) return 0;
    while (at < lookups.size() && kernels::row_of(lookups[at]) == kernels::row_of(lookups[at - 1])) ++at;
    return at;
}

}  // namespace rowpool::train
