// rowpool_train for Python's ctypes, for compare_training.py alone: a model of tables, and training steps of it.
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

/// Copies the rows of a table.
void rowpool_rows(const void* model, std::size_t table, float* out) {
    const auto bytes = static_cast<const TrainedModel*>(model)->embeddings[table].table().bytes();
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(out));
}
}
