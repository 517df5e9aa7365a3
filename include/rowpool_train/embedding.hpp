// torch.nn.Embedding and torch.nn.EmbeddingBag: lookups that can learn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/export.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/status.hpp"
#include "rowpool_train/mutable_table.hpp"
#include "rowpool_train/workers.hpp"

namespace rowpool::train {

/// The gradient of a table, [rows, dim].
struct Gradient {
    bool is_sparse = false;
    /// Sparse: rows that have a gradient, ascending; values holds theirs. Dense: empty; values holds all rows.
    std::vector<std::size_t> rows = {};
    std::vector<float> values = {};
};

/// The options of torch.nn.EmbeddingBag and torch.nn.Embedding that concern lookups; padding_idx is the table's.
struct EmbeddingOptions {
    /// none is torch.nn.Embedding, which takes Bags::rows(); sum, mean and max are torch.nn.EmbeddingBag.
    Pooling mode = Pooling::mean;
    /// Rows whose norm is larger are scaled down to it, in the table, when they are looked up.
    std::optional<double> max_norm = {};
    double norm_type = 2;  ///< p of that norm: any number, or infinity
    /// Divides the gradient of each row by the number of its lookups in the call.
    bool scale_grad_by_freq = false;
    bool sparse = false;  ///< gradients are sparse: rows that were not looked up have none
    bool frozen = false;  ///< has no gradients: from_pretrained(freeze=True)
};

/// A mutable table and how it is looked up. Cheap to copy; copies share the table.
class ROWPOOL_API EmbeddingBag {
public:
    /// Errors: invalid_argument for mode sqrtn, max_norm below 0 or not finite, norm_type NaN, and what PyTorch
    /// refuses: scale_grad_by_freq or sparse with mode max, and both together.
    static Result<EmbeddingBag> create(const MutableTable& table, const EmbeddingOptions& options = {});

    MutableTable& table() noexcept { return table_; }
    const MutableTable& table() const noexcept { return table_; }
    const EmbeddingOptions& options() const noexcept { return options_; }

    /// Looks up: as rowpool::pool with the mode. With max_norm, the rows of all indices are first scaled in the table,
    /// each once: row *= max_norm / (norm + 1e-7) where norm > max_norm (torch.embedding_renorm_), with the norm summed
    /// in f64. With norm_type 0, 1, 2 and +-infinity the bits are the same on every CPU; other norms use std::pow.
    /// Weights go with mode sum only, as in PyTorch. Errors: as rowpool::pool; nothing has been changed then.
    Status forward(const Bags& bags, const Output& out, const Workers& workers = {});

    /// The gradient of the table, from that of the output: torch.autograd of forward(). The table must be as it was
    /// after forward(). The padding row has none (none of zeros in a dense gradient, not listed in a sparse one). With
    /// max, a column's gradient goes to the first of the largest values.
    ///
    /// @param grad          [num_bags, dim]
    /// @param grad_weights  receives the gradient of each weight, 0 for padding; one an index, or empty if not wanted
    /// Errors: as forward(); invalid_argument when grad or grad_weights has another size, or a gradient or a weight is
    /// not finite, with its bag and column, or the embedding is frozen. grad_weights is unchanged then. out_of_memory.
    Result<Gradient> backward(const Bags& bags, std::span<const float> grad, std::span<float> grad_weights = {},
                              const Workers& workers = {}) const;

private:
    EmbeddingBag(const MutableTable& table, const EmbeddingOptions& options) noexcept
        : table_(table), options_(options) {}

    MutableTable table_;
    EmbeddingOptions options_;
};

}  // namespace rowpool::train
