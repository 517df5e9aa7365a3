// A DLRM that rowpool trains on a click log: train_dlrm CLICKS SAMPLES [SEED]; train_dlrm.py is the same in
// PyTorch.
//
// Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation Systems", 2019: a row for
// each of 26 ids, a small network of the numbers, the products of all pairs of these vectors, and a network that makes
// a click of them. The tables learn by row-wise Adagrad, the networks by SGD. The last tenth of the log is for the
// test.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <rowpool_train/rowpool_train.hpp>
#include <string>
#include <vector>

#include "examples/common.hpp"

namespace {

using examples::fail;
using examples::for_each;
using examples::must;

using Floats = std::vector<float>;

constexpr std::size_t kFeatures = 26, kNumbers = 13, kDim = 16, kVectors = kFeatures + 1, kBatch = 512;
constexpr std::size_t kPairs = kVectors * (kVectors - 1) / 2, kTop = kDim + kPairs;
constexpr float kLr = 0.1f;
constexpr double kTableLr = 0.02;

struct ClickLog {
    std::size_t samples;
    std::vector<std::int32_t> ids;
    Floats numbers, labels;

    ClickLog(const std::string& path, std::size_t count)
        : samples(count), ids(count * kFeatures), numbers(count * kNumbers), labels(count) {
        std::ifstream file(path, std::ios::binary);
        read(file, ids.data(), ids.size() * sizeof ids[0]);
        read(file, numbers.data(), numbers.size() * sizeof numbers[0]);
        read(file, labels.data(), labels.size() * sizeof labels[0]);
        if (!file) fail("cannot read " + std::to_string(count) + " samples from " + path);
    }
    static void read(std::ifstream& file, void* to, std::size_t bytes) {
        file.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    }
};

/// y = x W + b, and a ReLU behind it unless it is the last.
class Linear {
public:
    Linear(std::size_t in, std::size_t out, bool has_relu, std::mt19937& random)
        : in_(in), out_(out), has_relu_(has_relu), weights_(in * out), bias_(out) {
        std::normal_distribution<float> normal(0, std::sqrt(2.0f / static_cast<float>(in + out)));
        for (float& weight : weights_) weight = normal(random);
    }

    Floats forward(const Floats& x) const {
        const std::size_t batch = x.size() / in_;
        Floats y(batch * out_);
        for_each(batch, [&](std::size_t b) {
            float* const row = y.data() + b * out_;
            std::copy(bias_.begin(), bias_.end(), row);
            for (std::size_t i = 0; i < in_; ++i) add(x[b * in_ + i], weights_.data() + i * out_, row);
            for (std::size_t o = 0; has_relu_ && o < out_; ++o) row[o] = std::max(row[o], 0.0f);
        });
        return y;
    }

    /// Turns the gradient of y into that of x, and learns.
    Floats backward(const Floats& x, const Floats& y, Floats grad) {
        const std::size_t batch = x.size() / in_;
        for (std::size_t i = 0; has_relu_ && i < grad.size(); ++i) grad[i] = y[i] > 0 ? grad[i] : 0.0f;
        Floats grad_x(x.size());
        for_each(batch, [&](std::size_t b) {
            for (std::size_t i = 0; i < in_; ++i) {
                float sum = 0;
                for (std::size_t o = 0; o < out_; ++o) sum += grad[b * out_ + o] * weights_[i * out_ + o];
                grad_x[b * in_ + i] = sum;
            }
        });
        for_each(in_, [&](std::size_t i) {
            for (std::size_t b = 0; b < batch; ++b) {
                add(-kLr * x[b * in_ + i], grad.data() + b * out_, weights_.data() + i * out_);
            }
        });
        for (std::size_t b = 0; b < batch; ++b) add(-kLr, grad.data() + b * out_, bias_.data());
        return grad_x;
    }

private:
    void add(float factor, const float* values, float* sums) const {
        for (std::size_t o = 0; o < out_; ++o) sums[o] += factor * values[o];
    }

    std::size_t in_, out_;
    bool has_relu_;
    Floats weights_, bias_;
};

/// Tables of 26 features with their optimizers.
class Tables {
public:
    Tables(const ClickLog& log, std::uint64_t seed) {
        for (std::size_t f = 0; f < kFeatures; ++f) {
            std::int32_t largest = 0;
            for (std::size_t s = 0; s < log.samples; ++s) largest = std::max(largest, log.ids[s * kFeatures + f]);
            const auto table = must(rowpool::train::MutableTable::create(
                "feature " + std::to_string(f), {.num_embeddings = static_cast<std::size_t>(largest) + 1,
                                                 .embedding_dim = kDim,
                                                 .initial = rowpool::train::Initial::uniform,
                                                 .seed = seed * kFeatures + f}));
            embeddings_.push_back(
                must(rowpool::train::EmbeddingBag::create(table, {.mode = rowpool::Pooling::none, .sparse = true})));
            optimizers_.push_back(
                must(rowpool::train::Optimizer::create(table, rowpool::train::RowWiseAdagrad{.lr = kTableLr})));
        }
    }

    /// The rows of a batch go into columns of `vectors`, [batch, kVectors, kDim].
    void forward(const std::vector<std::vector<std::int32_t>>& ids, Floats& vectors) {
        for (std::size_t f = 0; f < kFeatures; ++f) {
            must(embeddings_[f].forward(rowpool::Bags::rows(ids[f]), {vectors, kVectors * kDim, f * kDim}, workers_));
        }
    }
    void step(const std::vector<std::vector<std::int32_t>>& ids, const Floats& grad) {
        Floats own(kBatch * kDim);
        for (std::size_t f = 0; f < kFeatures; ++f) {
            for (std::size_t b = 0; b < kBatch; ++b) {
                std::copy_n(grad.data() + (b * kVectors + f) * kDim, kDim, own.data() + b * kDim);
            }
            must(optimizers_[f].step(embeddings_[f], rowpool::Bags::rows(ids[f]), own, workers_));
        }
    }

private:
    rowpool::train::Workers workers_{0};
    std::vector<rowpool::train::EmbeddingBag> embeddings_;
    std::vector<rowpool::train::Optimizer> optimizers_;
};

float product(const float* a, const float* b) {
    float sum = 0;
    for (std::size_t d = 0; d < kDim; ++d) sum += a[d] * b[d];
    return sum;
}

class Dlrm {
public:
    Dlrm(const ClickLog& log, std::uint64_t seed)
        : log_(log), tables_(log, seed), random_(static_cast<std::mt19937::result_type>(seed)) {}

    /// Logits of the samples [first, first + kBatch); learns from their labels if asked to.
    Floats run(std::size_t first, bool learns) {
        std::vector<std::vector<std::int32_t>> ids(kFeatures, std::vector<std::int32_t>(kBatch));
        for (std::size_t b = 0; b < kBatch; ++b) {
            for (std::size_t f = 0; f < kFeatures; ++f) ids[f][b] = log_.ids[(first + b) * kFeatures + f];
        }
        const auto begin = log_.numbers.begin() + static_cast<std::ptrdiff_t>(first * kNumbers);
        const Floats numbers(begin, begin + static_cast<std::ptrdiff_t>(kBatch * kNumbers));
        const Floats hidden = bottom1_.forward(numbers), own = bottom2_.forward(hidden);
        Floats vectors(kBatch * kVectors * kDim), all(kBatch * kTop);
        tables_.forward(ids, vectors);
        for_each(kBatch, [&](std::size_t b) {
            interact(own.data() + b * kDim, vectors.data() + b * kVectors * kDim, all.data() + b * kTop);
        });
        const Floats inner = top1_.forward(all);
        Floats logits = top2_.forward(inner);
        if (!learns) return logits;
        Floats grad(kBatch);  // of the mean of the logistic losses
        for (std::size_t b = 0; b < kBatch; ++b) {
            grad[b] = (1 / (1 + std::exp(-logits[b])) - log_.labels[first + b]) / static_cast<float>(kBatch);
        }
        const Floats grad_all = top1_.backward(all, inner, top2_.backward(inner, logits, grad));
        Floats grad_vectors(vectors.size()), grad_own(own.size());
        for_each(kBatch, [&](std::size_t b) {
            const float* const from = grad_all.data() + b * kTop;
            float* const to = grad_vectors.data() + b * kVectors * kDim;
            pull_back(from, vectors.data() + b * kVectors * kDim, to);
            for (std::size_t d = 0; d < kDim; ++d) grad_own[b * kDim + d] = from[d] + to[kFeatures * kDim + d];
        });
        bottom1_.backward(numbers, hidden, bottom2_.backward(hidden, own, grad_own));
        tables_.step(ids, grad_vectors);
        return logits;
    }

private:
    /// The vector of the numbers, then the products of all pairs of vectors, of which it is the last.
    static void interact(const float* own, float* vectors, float* out) {
        std::copy_n(own, kDim, vectors + kFeatures * kDim);
        std::copy_n(own, kDim, out);
        float* pair = out + kDim;
        for (std::size_t i = 1; i < kVectors; ++i) {
            for (std::size_t j = 0; j < i; ++j) *pair++ = product(vectors + i * kDim, vectors + j * kDim);
        }
    }
    static void pull_back(const float* grad, const float* vectors, float* out) {
        const float* pair = grad + kDim;
        for (std::size_t i = 1; i < kVectors; ++i) {
            for (std::size_t j = 0; j < i; ++j, ++pair) {
                for (std::size_t d = 0; d < kDim; ++d) {
                    out[i * kDim + d] += *pair * vectors[j * kDim + d];
                    out[j * kDim + d] += *pair * vectors[i * kDim + d];
                }
            }
        }
    }

    const ClickLog& log_;
    Tables tables_;
    std::mt19937 random_;
    Linear bottom1_{kNumbers, 64, true, random_}, bottom2_{64, kDim, true, random_};
    Linear top1_{kTop, 64, true, random_}, top2_{64, 1, false, random_};
};

/// The area under the ROC curve: how often a click has a larger logit than what was not clicked.
double area(const Floats& logits, const float* labels) {
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t s) { return logits[s]; });
    double clicks = 0, ranks = 0;
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        if (labels[order[rank]] == 0) continue;
        clicks += 1;
        ranks += static_cast<double>(rank + 1);
    }
    const double others = static_cast<double>(order.size()) - clicks;
    return (ranks - clicks * (clicks + 1) / 2) / (clicks * others);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) fail("usage: train_dlrm CLICKS SAMPLES [SEED]");
    const std::uint64_t seed = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 1;
    const ClickLog log(argv[1], std::strtoul(argv[2], nullptr, 10));
    const std::size_t batches = log.samples / kBatch, for_training = batches * 9 / 10;
    if (for_training == 0 || for_training == batches) fail("too few samples");
    Dlrm model(log, seed);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t batch = 0; batch < for_training; ++batch) model.run(batch * kBatch, true);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    Floats logits;
    for (std::size_t batch = for_training; batch < batches; ++batch) {
        const Floats more = model.run(batch * kBatch, false);
        logits.insert(logits.end(), more.begin(), more.end());
    }
    std::printf("AUC %.4f, %.2f ms a step\n", area(logits, log.labels.data() + for_training * kBatch),
                1e3 * seconds.count() / static_cast<double>(for_training));
}
