// Identifiers that contain the name of the instruction set, which the build defines as ROWPOOL_KERNEL_ISA.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"

#define ROWPOOL_CONCAT_(a, b) a##b
#define ROWPOOL_CONCAT(a, b) ROWPOOL_CONCAT_(a, b)

namespace rowpool::kernels {

// What kernels_isa.cpp puts into the table of this instruction set; each is defined in its own source.
extern const CodecKernels ROWPOOL_CONCAT(kernels_f32_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_f16_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_bf16_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_int8_f32_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_int8_f16_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_int4_, ROWPOOL_KERNEL_ISA);
extern const CodecKernels ROWPOOL_CONCAT(kernels_int2_, ROWPOOL_KERNEL_ISA);
std::size_t ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA)(const QuantizeArgs& args) noexcept;

}  // namespace rowpool::kernels
