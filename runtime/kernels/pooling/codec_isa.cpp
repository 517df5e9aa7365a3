// All kernels of one codec for one instruction set. The build compiles this file once for each two of them, with the
// flags of the set, and their names as ROWPOOL_KERNEL_CODEC and ROWPOOL_KERNEL_ISA: all codecs in one source would take
// the compiler more than a gigabyte. Everything but the table at the end has internal linkage.
#include "kernels/arch/arch.hpp"
//
#include "kernels/arch/isa_name.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/pooling/blocks.hpp"
#include "kernels/pooling/forms.hpp"
#include "kernels/pooling/short_kernel.hpp"
#include "kernels/pooling/single_kernel.hpp"
#include "kernels/pooling/wide_kernel.hpp"
#if ROWPOOL_THIS_ISA == ROWPOOL_IS_avx2
#include "kernels/pooling/forms_avx2.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_avx512
#include "kernels/pooling/forms_avx512.hpp"
#endif

namespace rowpool::kernels {
namespace {

/// The kernel for short bags. There is none without an fma instruction: products take dozens of instructions each, and
/// so long to compile that eight rows of them are too many.
template <Codec kCodec, bool kWeighted>
constexpr PoolFn short_kernel() noexcept {
    if constexpr (Arch::has_fma) return ShortKernel<kCodec, kWeighted>::run;
    return nullptr;
}

template <Codec kCodec>
constexpr CodecKernels kernels_of() {
    return {.blocks = {sum_blocks<kCodec, false>, sum_blocks<kCodec, true>},
            .single = SingleKernel<kCodec>::run,
            .few = {short_kernel<kCodec, false>(), short_kernel<kCodec, true>()},
            .any = WideKernel<kCodec, Form<kCodec>, false>::run,
            .max = WideKernel<kCodec, PlainForm<kCodec>, true>::run};
}

}  // namespace

constinit const CodecKernels ROWPOOL_KERNELS_OF(ROWPOOL_KERNEL_CODEC) = kernels_of<Codec::ROWPOOL_KERNEL_CODEC>();

}  // namespace rowpool::kernels
