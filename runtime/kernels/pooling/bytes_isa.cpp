// The kernels of one instruction set for rows of 8-bit codes; compiled like floats_isa.cpp.
#include "kernels/pooling/codec_kernels.hpp"

namespace rowpool::kernels {

constinit const CodecKernels ROWPOOL_CONCAT(kernels_int8_f32_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::int8_f32>();
constinit const CodecKernels ROWPOOL_CONCAT(kernels_int8_f16_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::int8_f16>();

}  // namespace rowpool::kernels
