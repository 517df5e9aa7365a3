// The workloads of request benchmarks: models with tables in memory, and requests to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/limits/limits.hpp"
#include "bench/measure/huge_buffer.hpp"
#include "bench/measure/traffic.hpp"
#include "bench/workloads/kept.hpp"
#include "bench/workloads/models.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::bench {

/// The row format of the models' tables: the most common one in serving.
inline constexpr RowFormat kModelFormat = RowFormat::int8;

/// A model with tables of random rows, each in a separate allocation that is aligned to a cache line.
class FilledModel {
public:
    /// Throws TooLittleMemory.
    explicit FilledModel(const ModelSpec* spec);

    const Model& model() const noexcept { return model_; }

private:
    HugeBuffer buffer_;
    Model model_;
};

/// Requests of one batch size, so many that no cache holds more of them than their skew allows.
class RequestSet {
public:
    RequestSet(const ModelSpec* spec, std::size_t batch);

    std::size_t batch() const noexcept { return batch_; }
    std::size_t size() const noexcept { return requests_.size(); }
    /// Request i modulo size(): a view of this set.
    Request at(std::size_t i) const noexcept;
    /// Indices of that request.
    std::size_t lookups(std::size_t i) const noexcept { return requests_[i % size()].indices.size(); }
    /// Mean indices of a request.
    double mean_lookups() const noexcept;

    /// The same ids for the raw gather: those of several requests table by table, so that it can prefetch over long
    /// runs. Views of this set and the model.
    std::vector<GatherPass> gather_passes(const Model& model) const;

private:
    std::vector<std::int32_t> ids_of(std::size_t feature, std::size_t first, std::size_t last) const;

    std::size_t batch_;
    std::vector<RequestBuffers<std::int32_t>> requests_;
    std::vector<std::vector<std::vector<std::int32_t>>> gathered_;  // ids by pass and feature
};

/// Output of requests to a model, in huge pages.
class RequestOutput {
public:
    RequestOutput(const Model& model, std::size_t batch)
        : values_(batch * model.total_dim()), buffer_(values_ * sizeof(float)) {}

    std::span<float> values() const noexcept { return {reinterpret_cast<float*>(buffer_.bytes().data()), values_}; }

private:
    std::size_t values_;
    HugeBuffer buffer_;
};

}  // namespace rowpool::bench
