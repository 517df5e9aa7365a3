// Optimizers: what a gradient does to the rows of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "rowpool/bags.hpp"
#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool_train/embedding.hpp"
#include "rowpool_train/mutable_table.hpp"
#include "rowpool_train/workers.hpp"

namespace rowpool::train {

// In the formulas w is a value of a row, g its gradient. Sparse gradients update the rows that they list and no state
// of others ("lazy"): what momentum and weight decay would do to other rows is left out, as in FBGEMM.

/// torch.optim.SGD: g += weight_decay * w; with momentum b = momentum * b + g, g = b; w -= lr * g.
struct Sgd {
    double lr = 1e-3;
    double momentum = 0;
    double weight_decay = 0;
};

/// torch.optim.Adagrad: g += weight_decay * w; s += g^2; w -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps).
struct Adagrad {
    double lr = 1e-2;
    double lr_decay = 0;
    double weight_decay = 0;
    double initial_accumulator_value = 0;
    double eps = 1e-10;
};

/// Adagrad with one sum a row (FBGEMM EXACT_ROWWISE_ADAGRAD, TorchRec): g += weight_decay * w; s += mean of g^2 over
/// the columns; w -= lr / (sqrt(s) + eps) * g.
struct RowWiseAdagrad {
    double lr = 1e-2;
    double weight_decay = 0;
    double eps = 1e-8;
};

/// torch.optim.SparseAdam: m += (1 - beta1) * (g - m); v += (1 - beta2) * (g^2 - v);
/// w -= lr * sqrt(1 - beta2^step) / (1 - beta1^step) * m / (sqrt(v) + eps). Takes sparse gradients only, as there.
struct SparseAdam {
    double lr = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
};

using OptimizerRule = std::variant<Sgd, Adagrad, RowWiseAdagrad, SparseAdam>;

/// How f16 and bf16 rows are rounded after a step.
struct Rounding {
    /// To one of the two neighbours, by chance, so that the mean is exact: small steps are not lost. Otherwise to the
    /// nearest.
    bool stochastic = false;
    std::uint64_t seed = 0;  ///< the same seed and steps give the same bits, on any number of threads
};

/// One table and the state of its optimizer. One call at a time, save() included. A failed call changes nothing.
class ROWPOOL_API Optimizer {
public:
    /// Errors: invalid_argument for a setting that is negative or not finite as an f32, a beta not below 1, an eps of 0
    /// with SparseAdam; out_of_memory.
    static Result<Optimizer> create(const MutableTable& table, const OptimizerRule& rule,
                                    const Rounding& rounding = {});
    /// An optimizer of a new table, both as save() wrote them. Errors: as create() and load().
    static Result<Optimizer> open(const std::string& path, const OptimizerRule& rule, const Rounding& rounding = {});

    /// An optimizer that was moved from can only be destroyed or assigned to.
    Optimizer(Optimizer&&) noexcept;
    Optimizer& operator=(Optimizer&&) noexcept;
    ~Optimizer();

    const MutableTable& table() const noexcept;
    const OptimizerRule& rule() const noexcept;
    /// Steps made.
    std::uint64_t steps() const noexcept;
    /// For a schedule. Error: invalid_argument for a rate that is negative or not finite as an f32.
    Status set_lr(double lr);

    /// One step with a gradient of the table, as backward() makes them or the caller.
    /// Errors: invalid_argument when the gradient has another shape, rows that do not ascend, or a value that is not
    /// finite, and for a dense one with SparseAdam; index_out_of_range for a row that is none of the table's;
    /// out_of_memory.
    Status step(const Gradient& gradient, const Workers& workers = {});

    /// backward() and a step in one: the same bits as step(backward(...)), without a gradient in memory. The embedding
    /// is one of this table; it says whether the gradient is sparse. What the caller gives is checked to be finite,
    /// what is summed from it is not: sums and squares above the largest f32 become infinite, as in PyTorch. Errors: as
    /// EmbeddingBag::backward() and step(); invalid_argument for an embedding of another table.
    Status step(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad,
                const Workers& workers = {});

    /// Writes the table and this state to a file (a safetensors file that TableFile opens, too): whole or not at all.
    /// Errors: io_error; out_of_memory.
    Status save(const std::string& path) const;

    /// Goes on from such a file: rows, state and steps become those of the file, and the next step has the same bits as
    /// it would have had. All rows count as touched. The file is verified, then mapped, and pages are copied when they
    /// first change: as with TableFile::open(), it must not shrink or be written to meanwhile (save() replaces it).
    /// Views of the table end. The rule's settings stay those of create().
    /// Errors: io_error; corrupt_file; unsupported; not_found when the file is of a table of another name;
    /// invalid_argument when it is of another shape, format, padding index or kind of optimizer; out_of_memory.
    Status load(const std::string& path);

private:
    struct ROWPOOL_LOCAL State;
    ROWPOOL_LOCAL explicit Optimizer(std::unique_ptr<State> state) noexcept;

    std::unique_ptr<State> state_;
};

}  // namespace rowpool::train
