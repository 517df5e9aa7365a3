// How far pooled outputs are from those of the source, were its rows in another coding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rowpool/types.hpp"
#include "tools/convert/sampled_bags.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Of sums of bags: y of the source's rows, and z of the rows in the coding.
struct PooledError {
    double relative_l2 = 0;        ///< sqrt(sum |z - y|^2 / sum |y|^2) over all bags
    double worst_relative_l2 = 0;  ///< largest |z - y| / |y| of a bag; bags with y = 0 have none
    double cosine = 1;             ///< mean of y.z / (|y| |z|) over bags with y != 0; it is 0 for z = 0
    double worst_cosine = 1;
};

/// The rows of some bags of one table, and their sums. Holds about kSampledValues floats. Immutable: any number of
/// threads.
class PooledSample {
public:
    /// Reads the rows of the bags, and no others. Fails as Source::read.
    PooledSample(const Source& source, SampledBags bags);

    std::size_t bags() const { return bags_.size(); }
    /// Of sums of these rows in that coding; nothing when the coding cannot hold one of them. The source's own format
    /// is without error. Values whose sums are not finite are left out.
    std::optional<PooledError> error(RowCoding coding) const;

private:
    void pool(const Table& table, std::size_t bag, std::vector<float>& out) const;

    RowFormat format_;
    std::size_t dim_;
    SampledBags bags_;  ///< of positions in rows_
    std::vector<float> rows_;
    std::vector<float> sums_;  ///< one a bag
};

}  // namespace rowpool::tools
