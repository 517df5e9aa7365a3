// A request as one call a feature.
#pragma once

#include <cstddef>

#include "exec/model.hpp"
#include "exec/plan.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::exec {

/// The calls of a request that has been checked; made one at a time, as they are asked for.
class RequestCalls {
public:
    /// Checks all that does not depend on the values of indices. On success `calls` is ready; it refers to its model.
    static PoolStatus make(const ModelContents& model, const Request& request, const Output& out,
                           RequestCalls& calls) noexcept;

    std::size_t count() const noexcept { return model_->setups.size(); }
    std::size_t cost(std::size_t f) const noexcept {
        const kernels::Rows& rows = model_->setups[f].rows;
        return (first_index(f + 1) - first_index(f)) * rows.bytes + batch_ * rows.dim * sizeof(float);
    }
    void plan(std::size_t f, Plan& plan) const noexcept;
    const Table& table(std::size_t f) const noexcept { return *model_->setups[f].table; }
    const kernels::Rows& rows(std::size_t f) const noexcept { return model_->setups[f].rows; }
    IndexSpan indices() const noexcept { return layout_.indices; }
    std::size_t first_index(std::size_t f) const noexcept { return static_cast<std::size_t>(offsets_[f * batch_]); }
    std::size_t find_bad(std::size_t f, std::size_t begin, std::size_t end) const noexcept {
        const Setup& setup = model_->setups[f];
        return setup.skips_bad ? end : find_outside(kernels_, layout_.indices, setup.rows.ids, begin, end);
    }
    /// The fault of the bad index at `position`, with its bag counted within its feature.
    PoolStatus bad_index(std::size_t position) const noexcept;

private:
    const ModelContents* model_ = nullptr;
    const kernels::KernelTable* kernels_ = nullptr;
    IndexSpan offsets_;
    BagLayout layout_ = {};  ///< of all features' bags
    std::size_t batch_ = 0;
    const Output* out_ = nullptr;
    std::size_t stride_ = 0;
};

}  // namespace rowpool::exec
