// Checks a request and takes it apart.
#include "exec/request_calls.hpp"

#include <algorithm>

#include "cpu/dispatch.hpp"

namespace rowpool::exec {
namespace {

PoolStatus check_batch(std::size_t features, IndexSpan offsets) noexcept {
    if (!offsets.empty() && (offsets.size() - 1) % features == 0) return {};
    return fault(PoolFault::batch_shape, 0, static_cast<std::int64_t>(offsets.size()), features);
}

/// The first feature that does not take the request's weights.
PoolStatus check_weights_of_all(const ModelContents& model, const BagLayout& layout) noexcept {
    PoolStatus status = check_weights(layout, Pooling::sum);
    if (status && (layout.weights.empty() || model.takes_weights)) return status;
    const auto refuses = [&](const Setup& setup) { return !check_weights(layout, setup.mode); };
    const auto setup = std::find_if(model.setups.begin(), model.setups.end(), refuses);
    status = check_weights(layout, setup->mode);
    status.table = setup->table->name();
    return status;
}

}  // namespace

PoolStatus RequestCalls::make(const ModelContents& model, const Request& request, const Output& out,
                              RequestCalls& calls) noexcept {
    const std::size_t features = model.setups.size();
    if (PoolStatus status = check_batch(features, request.offsets); !status) return status;
    PoolStatus status = check_bags({request.indices, request.offsets, request.weights}, calls.layout_);
    if (!status) return status;
    calls.model_ = &model;
    calls.offsets_ = request.offsets;
    calls.out_ = &out;
    calls.batch_ = calls.layout_.num_bags / features;
    status = check_output(out, calls.batch_, model.columns.back(), calls.stride_);
    if (!status) return status;
    calls.kernels_ = cpu::active_kernels();
    if (calls.kernels_ == nullptr) {
        status = fault(PoolFault::isa);
        status.table = model.setups.front().table->name();
        return status;
    }
    return check_weights_of_all(model, calls.layout_);
}

void RequestCalls::plan(std::size_t f, Plan& plan) const noexcept {
    const Output columns = out_->columns_from(out_->column() + model_->columns[f], stride_);
    make_plan(kernels_, model_->setups[f], layout_, columns, stride_, plan);
    keep_bags(f * batch_, batch_, first_index(f), first_index(f + 1), plan);
}

PoolStatus RequestCalls::bad_index(std::size_t position) const noexcept {
    std::size_t f = 0;
    while (first_index(f + 1) <= position) ++f;
    Plan of_feature;
    plan(f, of_feature);
    return exec::bad_index(of_feature, position);
}

}  // namespace rowpool::exec
