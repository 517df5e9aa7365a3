// The kernels of one instruction set for rows of 4-bit and 2-bit codes; compiled like floats_isa.cpp.
#include "kernels/pooling/codec_kernels.hpp"

namespace rowpool::kernels {

constinit const CodecKernels ROWPOOL_CONCAT(kernels_int4_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::int4>();
constinit const CodecKernels ROWPOOL_CONCAT(kernels_int2_, ROWPOOL_KERNEL_ISA) = kernels_of<Codec::int2>();

}  // namespace rowpool::kernels
