// All kernels of a codec, for the instruction set that a source is compiled for.
#pragma once

#include "kernels/arch.hpp"
//
#include "kernels/block_kernel.hpp"
#include "kernels/forms.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/single_kernel.hpp"
#include "kernels/wide_kernel.hpp"

namespace rowpool::kernels {
namespace {

template <Codec kCodec>
constexpr CodecKernels kernels_of() {
    return {.blocks = {sum_blocks<kCodec, false>, sum_blocks<kCodec, true>},
            .single = SingleKernel<kCodec>::run,
            .sum = WideKernel<kCodec, Form<kCodec>, false>::run,
            .max = WideKernel<kCodec, PlainForm<kCodec>, true>::run};
}

}  // namespace
}  // namespace rowpool::kernels
