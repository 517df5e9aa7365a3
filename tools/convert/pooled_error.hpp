// The error of pooled outputs if the rows of a source had another coding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rowpool/types.hpp"
#include "tools/convert/sampled_bags.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// Errors of bag sums: y is the sum of the source's rows, z that of the rows in the coding.
struct PooledError {
    double relative_l2 = 0;        ///< sqrt(sum |z - y|^2 / sum |y|^2) over all bags
    double worst_relative_l2 = 0;  ///< largest |z - y| / |y| of a bag with y != 0
    double cosine = 1;             ///< mean of y.z / (|y| |z|) over bags with y != 0; it is 0 for z = 0
    double worst_cosine = 1;
};

/// The rows of some bags of one table, and their sums. Holds about kSampledValues floats. Immutable and thread safe.
class PooledSample {
public:
    /// Reads the rows of the bags, and no others. Fails like Source::read.
    PooledSample(const Source& source, SampledBags bags);

    std::size_t bags() const { return bags_.size(); }
    /// The errors of the bag sums with these rows in `coding`; nothing when it cannot represent one of them. The
    /// source's own format has no error. Non-finite sums are left out.
    std::optional<PooledError> error(RowCoding coding) const;

private:
    void pool(const Table& table, std::size_t bag, std::vector<float>& out) const;

    RowFormat format_;
    std::size_t dim_;
    SampledBags bags_;  ///< indices are positions in rows_
    std::vector<float> rows_;
    std::vector<float> sums_;  ///< one per bag
};

}  // namespace rowpool::tools
