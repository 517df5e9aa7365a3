// One call of a pooling kernel, with every buffer against a forbidden page, and what must come out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernel_table.hpp"
#include "tests/support/generators.hpp"
#include "tests/support/guarded_buffer.hpp"

namespace rowpool::test {

/// How a call says where bags end.
enum class Bounds { offsets, starts, lengths, fixed };

/// Everything about a call but its table and its bags.
struct CallForm {
    Pooling mode = Pooling::sum;
    bool wide_indices = false;
    Bounds bounds = Bounds::offsets;
    bool wide_bounds = false;
    std::optional<std::int64_t> padding = {};
    bool filtering = false;  ///< the kernel that leaves padding and bad indices out
    Divisor divisor = Divisor::rows_taken;
    OutputType type = OutputType::f32;
    Guard guard = Guard::after;
    std::size_t out_gap = 0;            ///< elements between output rows
    std::size_t prefetch_distance = 0;  ///< in indices
    bool prefetch_to_second_level = false;
    std::size_t least_run = 0;                        ///< bytes; see PoolArgs
    std::uint32_t bytes_at_once = ~std::uint32_t{0};  ///< see PoolArgs
    bool has_small_l1 = false;
    bool prefetch_results = false;
    bool in_two_parts = false;  ///< as two calls, each for some of the bags
};

/// The form in words, for failure messages.
std::string describe(const CallForm& form);

/// A call that can be run with the kernels of any instruction set.
class KernelCall {
public:
    KernelCall(const MadeTable& table, const ReferenceBags& bags, const CallForm& form);

    /// Runs the call and says how the output buffer differs from the expected one; empty when it does not.
    std::string difference(const kernels::KernelTable& kernels) const;

private:
    kernels::PoolArgs arguments() const;
    std::vector<std::byte> expected_output(const MadeTable& table, const ReferenceBags& bags) const;

    CallForm form_;
    RowFormat format_;
    std::size_t dim_;
    std::size_t num_bags_;
    std::size_t split_bag_;
    std::size_t split_position_;
    std::size_t num_indices_;
    bool weighted_;
    kernels::Rows rows_;
    GuardedBuffer table_;
    GuardedBuffer remap_;
    GuardedBuffer indices_;
    GuardedBuffer bounds_;
    GuardedBuffer weights_;
    std::vector<std::byte> expected_;
    GuardedBuffer out_;
};

}  // namespace rowpool::test
