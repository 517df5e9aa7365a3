// rowpool_train for Python's ctypes, for compare_training.py alone: a model of tables, training steps of it, and the
// memory that a step must move.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rowpool_train/rowpool_train.hpp"

namespace {

using rowpool::Bags;
using rowpool::Status;
using rowpool::Table;
using rowpool::train::EmbeddingBag;
using rowpool::train::MutableTable;
using rowpool::train::Optimizer;
using rowpool::train::OptimizerRule;
using rowpool::train::Workers;

/// Tables of one model, each with its optimizer.
struct TrainedModel {
    Workers workers;
    std::vector<EmbeddingBag> embeddings = {};
    std::vector<Optimizer> optimizers = {};
};

OptimizerRule rule_of(const std::string& name, double lr) {
    if (name == "sgd") return rowpool::train::Sgd{.lr = lr};
    if (name == "adagrad") return rowpool::train::Adagrad{.lr = lr};
    if (name == "row_wise_adagrad") return rowpool::train::RowWiseAdagrad{.lr = lr};
    return rowpool::train::SparseAdam{.lr = lr};
}

/// Rows ahead of which memory is asked for.
constexpr std::size_t kAhead = 16;

void prefetch(const float* row, std::size_t count) {
    for (std::size_t i = 0; i < count; i += 16) __builtin_prefetch(row + i);
}

/// Adds up rows bag by bag: what no lookup can do without. These sums were measured to be faster than the raw gather of
/// bench/measure.
void read_rows(const float* rows, std::size_t dim, std::span<const std::int64_t> indices,
               std::span<const std::int64_t> offsets, float* out) {
    for (std::size_t bag = 0; bag + 1 < offsets.size(); ++bag, out += dim) {
        std::fill(out, out + dim, 0.0F);
        for (auto i = static_cast<std::size_t>(offsets[bag]); i < static_cast<std::size_t>(offsets[bag + 1]); ++i) {
            if (i + kAhead < indices.size()) prefetch(rows + static_cast<std::size_t>(indices[i + kAhead]) * dim, dim);
            const float* const row = rows + static_cast<std::size_t>(indices[i]) * dim;
            for (std::size_t d = 0; d < dim; ++d) out[d] += row[d];
        }
    }
}

/// Reads and writes rows, once each: what no update can do without.
void change_rows(float* rows, std::size_t dim, std::span<const std::int64_t> numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i + kAhead < numbers.size()) prefetch(rows + static_cast<std::size_t>(numbers[i + kAhead]) * dim, dim);
        float* const row = rows + static_cast<std::size_t>(numbers[i]) * dim;
        for (std::size_t d = 0; d < dim; ++d) row[d] += 1;
    }
}

/// Whether all is well; says so if not.
bool is_ok(const Status& status) {
    if (!status) std::fprintf(stderr, "%s\n", status.message().c_str());
    return bool(status);
}

}  // namespace

extern "C" {

void* rowpool_model(std::size_t threads) { return new TrainedModel{Workers(threads)}; }

void rowpool_free(void* model) { delete static_cast<TrainedModel*>(model); }

/// Adds a table with these rows, which are copied; whether that went well.
bool rowpool_add_table(void* model, const float* rows, std::size_t count, std::size_t dim, const char* rule,
                       double lr) {
    const auto view = Table::view("t", {.rows = count, .dim = dim}, std::as_bytes(std::span(rows, count * dim)));
    if (!view) return is_ok(view.error());
    auto table = MutableTable::from_pretrained(*view);
    if (!table) return is_ok(table.error());
    auto embedding = EmbeddingBag::create(*table, {.mode = rowpool::Pooling::sum, .sparse = true});
    if (!embedding) return is_ok(embedding.error());
    auto optimizer = Optimizer::create(*table, rule_of(rule, lr));
    if (!optimizer) return is_ok(optimizer.error());
    static_cast<TrainedModel*>(model)->embeddings.push_back(std::move(*embedding));
    static_cast<TrainedModel*>(model)->optimizers.push_back(std::move(*optimizer));
    return true;
}

/// Forward of every table, then backward and a step of every table. Arrays are by table; offsets have batch + 1
/// entries; grads and outs are [batch, dim].
bool rowpool_train(void* model, const std::int64_t* const* indices, const std::int64_t* const* offsets,
                   std::size_t batch, const float* const* grads, float* const* outs) {
    auto& [workers, embeddings, optimizers] = *static_cast<TrainedModel*>(model);
    const auto bags = [&](std::size_t t) {
        const std::span ends(offsets[t], batch + 1);
        return Bags(std::span(indices[t], static_cast<std::size_t>(ends.back())), ends);
    };
    for (std::size_t t = 0; t < embeddings.size(); ++t) {
        const std::span out(outs[t], batch * embeddings[t].table().dim());
        if (!is_ok(embeddings[t].forward(bags(t), out, workers))) return false;
    }
    for (std::size_t t = 0; t < embeddings.size(); ++t) {
        const std::span grad(grads[t], batch * embeddings[t].table().dim());
        if (!is_ok(optimizers[t].step(embeddings[t], bags(t), grad, workers))) return false;
    }
    return true;
}

/// The memory of a step of one table, and nothing else: reads the rows of all bags, and the gradients; reads and writes
/// each row with a lookup (`numbers`, ascending) and the `state_dim` floats that its optimizer keeps.
void rowpool_move(float* rows, std::size_t dim, float* state, std::size_t state_dim, const std::int64_t* indices,
                  const std::int64_t* offsets, std::size_t batch, const std::int64_t* numbers, std::size_t count,
                  const float* grad, float* out) {
    const std::span ends(offsets, batch + 1);
    read_rows(rows, dim, {indices, static_cast<std::size_t>(ends.back())}, ends, out);
    for (std::size_t i = 0; i < batch * dim; ++i) out[i] += grad[i];
    change_rows(rows, dim, {numbers, count});
    change_rows(state, state_dim, {numbers, count});
}

/// Copies the rows of a table.
void rowpool_rows(const void* model, std::size_t table, float* out) {
    const auto bytes = static_cast<const TrainedModel*>(model)->embeddings[table].table().bytes();
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(out));
}
}
