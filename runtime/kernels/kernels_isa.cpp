// The kernels of one instruction set. The build compiles this file once for each, with that set's flags and
// ROWPOOL_KERNEL_ISA defined as its name; everything but the one table at the end has internal linkage.
#include "kernels/isa_name.hpp"

#define ROWPOOL_QUOTE_(a) #a
#define ROWPOOL_QUOTE(a) ROWPOOL_QUOTE_(a)

#define ROWPOOL_IS_generic 1
#define ROWPOOL_IS_avx2 2
#define ROWPOOL_IS_avx512 3
#define ROWPOOL_IS_neon 4
#define ROWPOOL_THIS_ISA ROWPOOL_CONCAT(ROWPOOL_IS_, ROWPOOL_KERNEL_ISA)

#if ROWPOOL_THIS_ISA == ROWPOOL_IS_generic
#include "kernels/arch_generic.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_avx2
#include "kernels/arch_avx2.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_avx512
#include "kernels/arch_avx512.hpp"
#elif ROWPOOL_THIS_ISA == ROWPOOL_IS_neon
#include "kernels/arch_neon.hpp"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/kernel_table.hpp"
#include "kernels/pool_kernel.hpp"
#if ROWPOOL_THIS_ISA == ROWPOOL_IS_avx512
#include "kernels/addends_avx512.hpp"
#endif

namespace rowpool::kernels {
namespace {

/// Counts in 32 bits over stretches that cannot overflow them, which is what vectorizes best.
template <class Index>
std::size_t count_outside(const void* values, std::size_t count, std::size_t rows) noexcept {
    using Unsigned = std::make_unsigned_t<Index>;
    constexpr std::size_t kStretch = std::size_t{1} << 16;
    constexpr std::size_t kNegative = std::size_t{1} << (8 * sizeof(Index) - 1);
    const auto* indices = static_cast<const Index*>(values);
    const auto limit = static_cast<Unsigned>(rows < kNegative ? rows : kNegative);
    std::size_t outside = 0;
    for (std::size_t begin = 0; begin < count; begin += kStretch) {
        const std::size_t end = count - begin < kStretch ? count : begin + kStretch;
        std::uint32_t found = 0;
        for (std::size_t i = begin; i < end; ++i) found += static_cast<Unsigned>(indices[i]) >= limit ? 1u : 0u;
        outside += found;
    }
    return outside;
}

template <Codec kCodec>
constexpr void fill(KernelTable& table) {
    constexpr auto c = static_cast<std::size_t>(kCodec);
    table.sum[c][0][0][0] = SumKernel<kCodec, std::int32_t, false, false>::run;
    table.sum[c][0][0][1] = SumKernel<kCodec, std::int32_t, false, true>::run;
    table.sum[c][0][1][0] = SumKernel<kCodec, std::int32_t, true, false>::run;
    table.sum[c][0][1][1] = SumKernel<kCodec, std::int32_t, true, true>::run;
    table.sum[c][1][0][0] = SumKernel<kCodec, std::int64_t, false, false>::run;
    table.sum[c][1][0][1] = SumKernel<kCodec, std::int64_t, false, true>::run;
    table.sum[c][1][1][0] = SumKernel<kCodec, std::int64_t, true, false>::run;
    table.sum[c][1][1][1] = SumKernel<kCodec, std::int64_t, true, true>::run;
    table.max[c][0][0] = MaxKernel<kCodec, std::int32_t, false>::run;
    table.max[c][0][1] = MaxKernel<kCodec, std::int32_t, true>::run;
    table.max[c][1][0] = MaxKernel<kCodec, std::int64_t, false>::run;
    table.max[c][1][1] = MaxKernel<kCodec, std::int64_t, true>::run;
}

constexpr KernelTable make_table() {
    KernelTable table = {};
    table.isa = ROWPOOL_QUOTE(ROWPOOL_KERNEL_ISA);
    fill<Codec::f32>(table);
    fill<Codec::f16>(table);
    fill<Codec::bf16>(table);
    fill<Codec::int8_f32>(table);
    fill<Codec::int8_f16>(table);
    fill<Codec::int4>(table);
    fill<Codec::int2>(table);
    table.count_outside[0] = count_outside<std::int32_t>;
    table.count_outside[1] = count_outside<std::int64_t>;
    table.quantize = ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA);
    return table;
}

}  // namespace

constinit const KernelTable ROWPOOL_CONCAT(kernels_, ROWPOOL_KERNEL_ISA) = make_table();

}  // namespace rowpool::kernels
