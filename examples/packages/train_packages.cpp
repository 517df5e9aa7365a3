// A recommender for Debian packages, trained by rowpool: train_packages BAGS.txt OUT.safetensors
//
// A line of BAGS.txt is a bag: a package and the packages that it depends on, recommends or suggests. A row is learnt
// for each name, so that the mean of a bag's rows, without one of them, points to the one that is missing: a two-tower
// model whose towers share a table. It is trained with a softmax over the missing names of a batch, of the cosines
// between both (Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys
// 2019).
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <rowpool_train/rowpool_train.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/common.hpp"

namespace {

using examples::fail;
using examples::for_each;
using examples::must;

using Floats = std::vector<float>;
using rowpool::train::EmbeddingBag;

constexpr std::size_t kDim = 64;
constexpr std::size_t kBatch = 256;  // pairs of a step, each of whose targets is a negative of the others
constexpr int kEpochs = 3;
constexpr double kLr = 0.02;            // falls to 0 in the course of the training
constexpr float kTemperature = 0.1f;    // cosines are divided by it
constexpr std::size_t kLeastCount = 2;  // rarer names are not learnt

/// Bags of rows, and the names of these.
struct Corpus {
    std::vector<std::string> names;
    std::vector<std::vector<std::int64_t>> bags;  // of at least two rows
    Floats log_shares;                            // logarithm of the share of each row among all that occur
};

Corpus read_corpus(const std::string& path) {
    std::ifstream file(path);
    if (!file) fail("cannot read " + path);
    std::vector<std::vector<std::string>> lines;
    std::unordered_map<std::string, std::size_t> counts;
    for (std::string line, name; std::getline(file, line);) {
        std::vector<std::string>& words = lines.emplace_back();
        for (std::istringstream stream(line); stream >> name;) ++counts[words.emplace_back(name)];
    }
    Corpus corpus;
    std::unordered_map<std::string_view, std::int64_t> rows;
    for (const auto& [name, count] : counts) {
        if (count >= kLeastCount) corpus.names.push_back(name);
    }
    std::ranges::sort(corpus.names);
    for (std::size_t row = 0; row < corpus.names.size(); ++row)
        rows[corpus.names[row]] = static_cast<std::int64_t>(row);
    double total = 0;
    for (const auto& line : lines) {
        std::vector<std::int64_t> bag;
        for (const std::string& word : line) {
            if (const auto row = rows.find(word); row != rows.end()) bag.push_back(row->second);
        }
        if (bag.size() < 2) continue;
        total += static_cast<double>(bag.size());
        corpus.bags.push_back(std::move(bag));
    }
    for (const std::string& name : corpus.names) {
        corpus.log_shares.push_back(static_cast<float>(std::log(static_cast<double>(counts[name]) / total)));
    }
    return corpus;
}

/// Rows of kDim numbers, divided by their lengths; and the gradient back through that.
struct Directions {
    Floats values;
    Floats lengths;

    explicit Directions(const Floats& rows) : values(rows), lengths(rows.size() / kDim) {
        for (std::size_t r = 0; r < lengths.size(); ++r) {
            float square = 0;
            for (std::size_t d = 0; d < kDim; ++d) square += rows[r * kDim + d] * rows[r * kDim + d];
            lengths[r] = std::sqrt(square) + 1e-6f;
            for (std::size_t d = 0; d < kDim; ++d) values[r * kDim + d] /= lengths[r];
        }
    }

    /// Turns the gradient of the directions into that of the rows.
    void pull_back(Floats& grad) const {
        for (std::size_t r = 0; r < lengths.size(); ++r) {
            const float* const own = values.data() + r * kDim;
            float along = 0;
            for (std::size_t d = 0; d < kDim; ++d) along += grad[r * kDim + d] * own[d];
            for (std::size_t d = 0; d < kDim; ++d) {
                grad[r * kDim + d] = (grad[r * kDim + d] - along * own[d]) / lengths[r];
            }
        }
    }
};

/// Pairs of a bag and its missing member.
struct Batch {
    std::vector<std::int64_t> indices, offsets{0}, targets;

    void add(const std::vector<std::int64_t>& bag, std::size_t missing) {
        for (std::size_t i = 0; i < bag.size(); ++i) {
            if (i != missing) indices.push_back(bag[i]);
        }
        offsets.push_back(static_cast<std::int64_t>(indices.size()));
        targets.push_back(bag[missing]);
    }
};

class Trainer {
public:
    explicit Trainer(const Corpus& corpus)
        : corpus_(corpus),
          table_(must(rowpool::train::MutableTable::create("packages",
                                                           {.num_embeddings = corpus.names.size(),
                                                            .embedding_dim = kDim,
                                                            .initial = rowpool::train::Initial::uniform,
                                                            .seed = 1},
                                                           workers_))),
          bags_(must(EmbeddingBag::create(table_, {.sparse = true}))),
          rows_(must(EmbeddingBag::create(table_, {.mode = rowpool::Pooling::none, .sparse = true}))),
          optimizer_(must(rowpool::train::Optimizer::create(table_, rowpool::train::RowWiseAdagrad{.lr = kLr}))) {}

    rowpool::Status set_lr(double lr) { return optimizer_.set_lr(lr); }
    const rowpool::train::MutableTable& table() const { return table_; }

    /// One step; the mean loss.
    double step(const Batch& batch) {
        const std::size_t size = batch.targets.size();
        Floats contexts(size * kDim), targets(size * kDim);
        must(bags_.forward({batch.indices, batch.offsets}, contexts, workers_));
        must(rows_.forward(rowpool::Bags::rows(batch.targets), targets, workers_));
        const Directions from(contexts), to(targets);
        Floats grad_from(size * kDim), grad_to(size * kDim), shares(size * size), transposed(size * kDim);
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t d = 0; d < kDim; ++d) transposed[d * size + i] = to.values[i * kDim + d];
        }
        Floats losses(size);
        for_each(size, [&](std::size_t i) {
            float* const row = shares.data() + i * size;
            losses[i] = softmax(from.values.data() + i * kDim, transposed, batch.targets, i, row);
            for (std::size_t j = 0; j < size; ++j)
                add(row[j], to.values.data() + j * kDim, grad_from.data() + i * kDim);
        });
        for_each(size, [&](std::size_t j) {
            for (std::size_t i = 0; i < size; ++i) {
                add(shares[i * size + j], from.values.data() + i * kDim, grad_to.data() + j * kDim);
            }
        });
        from.pull_back(grad_from);
        to.pull_back(grad_to);
        must(optimizer_.step(bags_, {batch.indices, batch.offsets}, grad_from, workers_));
        must(optimizer_.step(rows_, rowpool::Bags::rows(batch.targets), grad_to, workers_));
        return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(size);
    }

private:
    static void add(float factor, const float* values, float* sums) {
        for (std::size_t d = 0; d < kDim; ++d) sums[d] += factor * values[d];
    }

    /// The loss of pair i, whose target is the i-th, and its gradient by the cosines.
    float softmax(const float* from, const Floats& to, const std::vector<std::int64_t>& targets, std::size_t own,
                  float* grad) const {
        const std::size_t size = targets.size();
        std::fill(grad, grad + size, 0.0f);
        for (std::size_t d = 0; d < kDim; ++d) {
            for (std::size_t j = 0; j < size; ++j) grad[j] += from[d] * to[d * size + j];
        }
        float largest = -1e30f;
        for (std::size_t j = 0; j < size; ++j) {
            // A name that is often a negative counts for less (the correction of the paper); the own target is none.
            const bool is_own = j != own && targets[j] == targets[own];
            const float log_share = corpus_.log_shares[static_cast<std::size_t>(targets[j])];
            grad[j] = is_own ? -1e30f : grad[j] / kTemperature - log_share;
            largest = std::max(largest, grad[j]);
        }
        const float logit = grad[own];
        float sum = 0;
        for (std::size_t j = 0; j < size; ++j) sum += grad[j] = std::exp(grad[j] - largest);
        for (std::size_t j = 0; j < size; ++j) grad[j] /= sum * kTemperature * static_cast<float>(size);
        grad[own] -= 1 / (kTemperature * static_cast<float>(size));
        return largest + std::log(sum) - logit;
    }

    const Corpus& corpus_;
    rowpool::train::Workers workers_{0};
    rowpool::train::MutableTable table_;
    EmbeddingBag bags_, rows_;
    rowpool::train::Optimizer optimizer_;
};

/// A line that stays on its place on a terminal.
void show_progress(std::size_t step, std::size_t steps, double loss) {
    if (isatty(fileno(stderr)) == 0) return;
    std::fprintf(stderr, "\r%zu %% of %zu steps, loss %.2f%s", 100 * step / steps, steps, loss,
                 step + 200 > steps ? "\n" : "");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) fail("usage: train_packages BAGS.txt OUT.safetensors");
    const Corpus corpus = read_corpus(argv[1]);
    std::vector<std::pair<std::size_t, std::size_t>> pairs;  // a bag, and the position of its missing member
    for (std::size_t bag = 0; bag < corpus.bags.size(); ++bag) {
        for (std::size_t i = 0; i < corpus.bags[bag].size(); ++i) pairs.emplace_back(bag, i);
    }
    Trainer trainer(corpus);
    std::mt19937_64 random(1);
    const std::size_t steps = pairs.size() / kBatch, all_steps = kEpochs * steps;
    for (std::size_t step = 0; step < all_steps; ++step) {
        if (step % steps == 0) std::shuffle(pairs.begin(), pairs.end(), random);
        Batch batch;
        for (std::size_t p = step % steps * kBatch; batch.targets.size() < kBatch; ++p) {
            batch.add(corpus.bags[pairs[p].first], pairs[p].second);
        }
        must(trainer.set_lr(kLr * static_cast<double>(all_steps - step) / static_cast<double>(all_steps)));
        const double loss = trainer.step(batch);
        if (step % 200 == 199) show_progress(step + 1, all_steps, loss);
    }
    std::string names;
    for (const std::string& name : corpus.names) names += (names.empty() ? "" : "\n") + name;
    const rowpool::train::ServedTable served[] = {{trainer.table(), rowpool::RowFormat::f32, names}};
    must(rowpool::train::write_table_file(argv[2], served));
}
