// Names with that of the instruction set in them, which the build defines as ROWPOOL_KERNEL_ISA.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"

#define ROWPOOL_CONCAT_(a, b) a##b
#define ROWPOOL_CONCAT(a, b) ROWPOOL_CONCAT_(a, b)

namespace rowpool::kernels {

/// KernelTable::quantize of this instruction set.
std::size_t ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA)(const QuantizeArgs& args) noexcept;

}  // namespace rowpool::kernels
