// The checks of a pooling call.
#include "pooling/checks.hpp"

namespace rowpool::pooling {
namespace {

/// Offsets never decrease and never pass the last index; `offsets` has at least one entry.
CheckResult check_offsets(const kernels::KernelTable& kernels, IndexSpan offsets, std::size_t num_indices) noexcept {
    if (offsets[0] != 0) return CheckResult{PoolFault::first_offset, 0, offsets[0]};
    const bool rise = kernels.never_fall[offsets.is_wide()](offsets.data(), offsets.size());
    if (rise && static_cast<std::size_t>(offsets[offsets.size() - 1]) <= num_indices) return {};
    std::int64_t previous = 0;
    for (std::size_t b = 1; b < offsets.size(); ++b) {
        const std::int64_t offset = offsets[b];
        if (offset < previous)
            return CheckResult{PoolFault::falling_offset, b, offset, static_cast<std::size_t>(previous)};
        if (static_cast<std::size_t>(offset) > num_indices) {
            return CheckResult{PoolFault::offset_past_end, b, offset, num_indices};
        }
        previous = offset;
    }
    return {};
}

CheckResult check_lengths(IndexSpan lengths, std::size_t num_indices) noexcept {
    std::size_t total = 0;
    for (std::size_t b = 0; b < lengths.size(); ++b) {
        const std::int64_t length = lengths[b];
        if (length < 0) return CheckResult{PoolFault::negative_length, b, length};
        if (static_cast<std::size_t>(length) > num_indices - total) {
            return CheckResult{PoolFault::length_past_end, b, length, num_indices};
        }
        total += static_cast<std::size_t>(length);
    }
    if (total != num_indices)
        return CheckResult{PoolFault::lengths_sum, 0, static_cast<std::int64_t>(total), num_indices};
    return {};
}

CheckResult check_fixed(const Bags& bags, std::size_t num_indices) noexcept {
    const std::size_t length = bags.length();
    const bool fits =
        length == 0 ? num_indices == 0 : num_indices % length == 0 && num_indices / length == bags.num_bags();
    if (fits) return {};
    return CheckResult{PoolFault::fixed_length, bags.num_bags(), static_cast<std::int64_t>(length), num_indices};
}

}  // namespace

PoolStatus status_of(const CheckResult& result, const Table* table) noexcept {
    PoolStatus status;
    if (result) return status;
    status.code = result.fault == PoolFault::index ? ErrorCode::index_out_of_range
                  : result.fault == PoolFault::isa ? ErrorCode::unsupported_isa
                                                   : ErrorCode::invalid_argument;
    status.fault = result.fault;
    if (table != nullptr) status.table = table->shared_name();
    status.bag = result.bag;
    status.value = result.value;
    status.limit = static_cast<std::int64_t>(result.limit);
    return status;
}

CheckResult check_output(const Output& out, std::size_t num_bags, std::size_t dim, std::size_t& stride) noexcept {
    const std::size_t row_end = out.column() + dim;
    stride = out.stride() == 0 ? row_end : out.stride();
    if (row_end < dim || stride < row_end) {
        return CheckResult{PoolFault::output_stride, 0, static_cast<std::int64_t>(stride), row_end};
    }
    if (num_bags == 0) return {};
    const bool fits = out.size() >= row_end && (out.size() - row_end) / stride >= num_bags - 1;
    if (!fits) return {PoolFault::output_size, num_bags, static_cast<std::int64_t>(out.size()), stride};
    if (num_bags == 1) stride = row_end;  // kernels compute the address of a next row, which could overflow
    return {};
}

CheckResult check_bags(const kernels::KernelTable& kernels, const Bags& bags) noexcept {
    const std::size_t num_indices = bags.indices().size();
    const IndexSpan bounds = bags.bounds();
    switch (bags.kind()) {
        case Bags::Kind::offsets: {
            if (bounds.empty()) return CheckResult{PoolFault::offsets_missing};
            const CheckResult result = check_offsets(kernels, bounds, num_indices);
            const std::int64_t last = bounds[bounds.size() - 1];
            if (!result || static_cast<std::size_t>(last) == num_indices) return result;
            return CheckResult{PoolFault::last_offset, bags.num_bags(), last, num_indices};
        }
        case Bags::Kind::starts:
            if (bounds.empty())
                return num_indices == 0 ? CheckResult{} : CheckResult{PoolFault::no_bags, 0, 0, num_indices};
            return check_offsets(kernels, bounds, num_indices);
        case Bags::Kind::lengths:
            return check_lengths(bounds, num_indices);
        case Bags::Kind::fixed:
            return check_fixed(bags, num_indices);
    }
    return {};
}

CheckResult check_weights(std::size_t num_weights, std::size_t num_indices, Pooling mode) noexcept {
    if (num_weights == 0) return {};
    if (!takes_weights(mode)) return CheckResult{PoolFault::weights_with_mode};
    if (num_weights == num_indices) return {};
    return CheckResult{PoolFault::weights_size, 0, static_cast<std::int64_t>(num_weights), num_indices};
}

}  // namespace rowpool::pooling
