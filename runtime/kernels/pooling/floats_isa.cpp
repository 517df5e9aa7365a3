// The kernels of one instruction set for rows of floats. The build compiles this file once per set, with its flags and
// ROWPOOL_KERNEL_ISA defined as its name. Everything but the tables at the end has internal linkage.
#include "kernels/pooling/codec_kernels.hpp"

namespace rowpool::kernels {

constinit const CodecKernels ROWPOOL_CONCAT(kernels_f32_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::f32>();
constinit const CodecKernels ROWPOOL_CONCAT(kernels_f16_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::f16>();
constinit const CodecKernels ROWPOOL_CONCAT(kernels_bf16_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::bf16>();

}  // namespace rowpool::kernels
