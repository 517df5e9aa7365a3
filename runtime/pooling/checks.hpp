// Validates the arguments of a call: everything that does not depend on index values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.hpp"
#include "rowpool/bags.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table.hpp"

namespace rowpool::pooling {

/// The outcome of a check. A PoolStatus is made from it only after a fault, because most calls have none and a
/// PoolStatus has a destructor.
struct [[nodiscard]] CheckResult {
    PoolFault fault = PoolFault::none;
    std::size_t bag = 0;
    std::int64_t value = 0;  ///< what was found
    std::size_t limit = 0;   ///< what it was checked against

    explicit operator bool() const noexcept { return fault == PoolFault::none; }
};

/// The status of a call, with the table that is at fault, if one is.
PoolStatus status_of(const CheckResult& result, const Table* table = nullptr) noexcept;

/// Checks the bounds of bags in full, every offset or length.
CheckResult check_bags(const kernels::KernelTable& kernels, const Bags& bags) noexcept;

constexpr bool takes_weights(Pooling mode) noexcept { return mode != Pooling::none && mode != Pooling::max; }

/// Checks that weights go with the mode and are one an index.
CheckResult check_weights(std::size_t num_weights, std::size_t num_indices, Pooling mode) noexcept;

/// Resolves the stride of an output and checks that num_bags rows of `dim` columns fit the buffer.
CheckResult check_output(const Output& out, std::size_t num_bags, std::size_t dim, std::size_t& stride) noexcept;

/// The address of element `skip` of a span.
inline const void* advance(IndexSpan values, std::size_t skip) noexcept {
    return static_cast<const std::byte*>(values.data()) + skip * (values.is_wide() ? 8 : 4);
}

}  // namespace rowpool::pooling
