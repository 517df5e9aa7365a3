// Cuts slices into parts, and goes from their indices to the pages that are asked for.
#include "pooling/cold.hpp"

#include <cstddef>

#include "kernels/rows.hpp"
#include "memory/cold_rows.hpp"

namespace rowpool::pooling {
namespace {

void begin_reading(const FeaturePlan& feature, const IndexSpan& indices, std::size_t begin, std::size_t end) noexcept {
    const kernels::Rows& rows = feature.rows;
    memory::ColdRows::Fetch fetch(*feature.cold_rows);
    for (std::size_t i = begin; i < end; ++i) {
        const std::size_t row = kernels::row_of(rows, indices[i]);
        if (row != kernels::kNoRow) fetch.add({rows.data + row * rows.stride, rows.bytes});
    }
}

std::size_t end_of_bag(const Plan& plan, const BagBoundary& boundary) noexcept {
    const std::size_t bag = boundary.feature * plan.num_bags + boundary.bag;
    const bool is_last = bag + 1 == plan.features.size() * plan.num_bags;
    return is_last ? plan.indices.size() : kernels::end_of(plan.ends, bag, boundary.position);
}

/// Begins to read the cold rows of the bags from `first` up to `last`, and waits for none. Indices need not have been
/// checked: bad ones have no row.
void begin_reading(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept {
    std::size_t begin = first.position;
    for (std::size_t f = first.feature; begin < last.position; ++f) {
        const std::size_t end = f == last.feature ? last.position : plan.first_index(f + 1);
        if (plan.features[f].cold_rows != nullptr) begin_reading(plan.features[f], plan.indices, begin, end);
        begin = end;
    }
}

/// Where a part ends that begins at `begin`: with `last`, or after the bag with which it has enough rows to keep a disk
/// busy, by their number or their bytes. Pages of two parts then take too little memory to drive out what is about to
/// be read; a bag is never cut, however many rows it has.
BagBoundary end_of_part(const Plan& plan, const BagBoundary& begin, const BagBoundary& last) noexcept {
    constexpr std::size_t kIndices = 2048;
    constexpr std::size_t kBytes = std::size_t{16} << 20;
    BagBoundary boundary = begin;
    std::size_t bytes = 0;
    while (boundary.feature < last.feature || (boundary.feature == last.feature && boundary.bag < last.bag)) {
        if (boundary.position - begin.position >= kIndices || bytes >= kBytes) return boundary;
        if (boundary.bag == plan.num_bags) {
            boundary = {boundary.feature + 1, 0, boundary.position};
        } else {
            const std::size_t end = end_of_bag(plan, boundary);
            bytes += (end - boundary.position) * plan.features[boundary.feature].rows.bytes;
            boundary.position = end;
            ++boundary.bag;
        }
    }
    return last;
}

}  // namespace

// Pools part after part, while the rows of the next one are read from the disk.
std::size_t run_cold_slice(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept {
    std::size_t skipped = 0;
    BagBoundary end = end_of_part(plan, first, last);
    begin_reading(plan, first, end);
    for (BagBoundary begin = first; begin != last;) {
        const BagBoundary next = end_of_part(plan, end, last);
        begin_reading(plan, end, next);
        skipped += run_slice(plan, begin, end);
        begin = end;
        end = next;
    }
    return skipped;
}

}  // namespace rowpool::pooling
