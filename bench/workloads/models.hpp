// Published recommendation models: the numbers of tables and rows, and the lookups per sample.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/measure/traffic.hpp"

namespace rowpool::bench {

/// A model whose tables all have the same dim; feature f looks up in table f.
struct ModelSpec {
    std::string name;
    std::size_t dim;
    std::vector<FeatureTraffic> features;

    /// Mean number of lookups per sample, in all tables together.
    double lookups_a_sample() const noexcept;
    /// Number of rows of all tables.
    std::size_t rows() const noexcept;
};

// Published models with tables of at most `row_cap` rows. Where the publication gives no skew of ids, a Zipf
// distribution with exponent 1.05 over the rows of a table, as in other embedding benchmarks.

/// 26 tables, multi-hot: MLPerf's DLRM-DCNv2 (mlcommons/training, recommendation_v2/torchrec_dlrm).
ModelSpec dlrm_dcnv2(std::size_t row_cap);
/// The same with uniform ids, of which next to nothing is in a cache.
ModelSpec dlrm_dcnv2_uniform(std::size_t row_cap);

// Three classes of models with the sizes of harvard-acc/DeepRecSys, models/configs.

/// 8 tables of 4,000,000 rows, 80 lookups each.
ModelSpec rmc1(std::size_t row_cap);
/// 32 tables of 500,000 rows, 120 lookups each.
ModelSpec rmc2(std::size_t row_cap);
/// 10 tables of 2,000,000 rows, 20 lookups each.
ModelSpec rmc3(std::size_t row_cap);

/// 788 tables with the traffic of facebookresearch/dlrm_datasets, 2022: 13.6 lookups per table and sample in the mean,
/// most of them in a few tables, with the reuse of a Zipf distribution with exponent 1.04 over 200,000 rows per table.
/// The trace does not give dims: 64.
ModelSpec trace_2022(std::size_t row_cap);

/// `tables` tables of equal size with `bag_length` uniform lookups per sample in each.
ModelSpec equal_tables(std::size_t tables, std::size_t rows, std::size_t dim, std::size_t bag_length);

}  // namespace rowpool::bench
