// Recommendation models as published: how many tables of how many rows, and what a sample looks up in each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/measure/traffic.hpp"

namespace rowpool::bench {

/// A model whose tables all have rows of one width; feature f looks up in table f.
struct ModelSpec {
    std::string name;
    std::size_t dim;
    std::vector<FeatureTraffic> features;

    /// Mean number of rows that a sample looks up in all tables.
    double lookups_a_sample() const noexcept;
    /// Rows of all tables.
    std::size_t rows() const noexcept;
};

// Published models with tables of at most `row_cap` rows. Where the publication has no skew of ids, Zipf's law with
// 1.05 over the rows of a table, as other benchmarks of embeddings have it.

/// 26 tables, multi-hot: MLPerf's DLRM-DCNv2 (mlcommons/training, recommendation_v2/torchrec_dlrm).
ModelSpec dlrm_dcnv2(std::size_t row_cap);
/// The same with uniform ids, which find next to nothing in a cache.
ModelSpec dlrm_dcnv2_uniform(std::size_t row_cap);

// Three classes of models with the sizes of harvard-acc/DeepRecSys, models/configs.

/// 8 tables of 4,000,000 rows, 80 lookups each.
ModelSpec rmc1(std::size_t row_cap);
/// 32 tables of 500,000 rows, 120 lookups each.
ModelSpec rmc2(std::size_t row_cap);
/// 10 tables of 2,000,000 rows, 20 lookups each.
ModelSpec rmc3(std::size_t row_cap);

/// 788 tables with the traffic of facebookresearch/dlrm_datasets, 2022: 13.6 lookups a table and sample in the mean, a
/// few tables with most of them, and the reuse that Zipf's law with 1.04 over 200,000 rows a table has. The trace says
/// nothing of dims: 64.
ModelSpec trace_2022(std::size_t row_cap);

/// `tables` tables of equal size with `bag_length` uniform lookups a sample in each.
ModelSpec equal_tables(std::size_t tables, std::size_t rows, std::size_t dim, std::size_t bag_length);

}  // namespace rowpool::bench
