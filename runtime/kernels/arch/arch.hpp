// The Arch of the instruction set that a source is compiled for: ROWPOOL_KERNEL_ISA.
#pragma once

#include <cstddef>

#include "kernels/arch/isa_name.hpp"

#define ROWPOOL_IS_generic 1
#define ROWPOOL_IS_avx2 2
#define ROWPOOL_IS_avx512 3
#define ROWPOOL_IS_neon 4
#define ROWPOOL_THIS_ISA ROWPOOL_CONCAT(ROWPOOL_IS_, ROWPOOL_KERNEL_ISA)

#if ROWPOOL_THIS_ISA == ROWPOOL_IS_generic
#include "kernels/arch/arch_generic.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_avx2
#include "kernels/arch/arch_avx2.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_avx512
#include "kernels/arch/arch_avx512.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_neon
#include "kernels/arch/arch_neon.hpp"
#endif

namespace rowpool::kernels {
namespace {

/// The maximum number of vectors of a row that is one block, and of the blocks that wider rows are cut into. The sums
/// of a block stay in registers, but where registers are few, a row that is a little wider is better off with some of
/// its sums in L1 than with a second block.
#ifdef ROWPOOL_MAX_VECTORS
constexpr std::size_t kMaxRowVectors = ROWPOOL_MAX_VECTORS;  // for sanitized builds: fewer template instances
constexpr std::size_t kMaxVectors = ROWPOOL_MAX_VECTORS;
#else
constexpr std::size_t kMaxRowVectors = Arch::max_row_vectors;
constexpr std::size_t kMaxVectors = Arch::max_vectors;
#endif
static_assert(kMaxVectors >= 2, "rows that are read side by side are at least a vector wide: see widest_block()");

}  // namespace
}  // namespace rowpool::kernels
