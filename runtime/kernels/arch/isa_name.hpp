// Identifiers that contain the name of the instruction set, which the build defines as ROWPOOL_KERNEL_ISA.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"

#define ROWPOOL_CONCAT_(a, b) a##b
#define ROWPOOL_CONCAT(a, b) ROWPOOL_CONCAT_(a, b)
#define ROWPOOL_KERNELS_OF(codec) ROWPOOL_CONCAT(ROWPOOL_CONCAT(kernels_, codec), ROWPOOL_CONCAT(_, ROWPOOL_KERNEL_ISA))

namespace rowpool::kernels {

// What kernels_isa.cpp puts into the table of this instruction set; each is defined in its own source.
extern const CodecKernels ROWPOOL_KERNELS_OF(f32);
extern const CodecKernels ROWPOOL_KERNELS_OF(f16);
extern const CodecKernels ROWPOOL_KERNELS_OF(bf16);
extern const CodecKernels ROWPOOL_KERNELS_OF(int8_f32);
extern const CodecKernels ROWPOOL_KERNELS_OF(int8_f16);
extern const CodecKernels ROWPOOL_KERNELS_OF(int4);
extern const CodecKernels ROWPOOL_KERNELS_OF(int2);
std::size_t ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA)(const QuantizeArgs& args) noexcept;

}  // namespace rowpool::kernels
